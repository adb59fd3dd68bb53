-- Every report of the sales that was made, as it was told. Of two, the higher number is newer.
create table reports (
    number  bigint primary key,
    day     date not null,                -- the last day that it counts, in UTC
    body    jsonb not null,               -- the data of SalesReported
    made_at timestamptz not null
);

-- What was given back in a month: that has no time of its own.
create index orders_refunded on orders ((coalesce(cancelled_at, updated_at)))
    where refund_amount is not null;
