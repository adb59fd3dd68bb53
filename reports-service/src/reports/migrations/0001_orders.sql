-- Amounts are in minor units (cents) of the order's currency; prices and gross include the tax.

-- Whoever owns the database may read what its writer makes, here and in later migrations.
alter default privileges in schema public grant select on tables to pg_database_owner;

create table orders (
    order_id      text primary key,
    customer_id   text not null,
    status        text not null,
    reason        text,                   -- why it was cancelled
    currency      text not null,          -- ISO 4217
    shipping      bigint not null,
    net           bigint not null,
    tax           bigint not null,
    gross         bigint not null,        -- paid: the lines and the shipping
    tax_rate      numeric not null,       -- 0.15 is 15 %
    placed_at     timestamptz not null,
    confirmed_at  timestamptz,            -- paid; each time is null until it is reached
    dispatched_at timestamptz,
    delivered_at  timestamptz,
    cancelled_at  timestamptz,
    version       bigint not null,        -- of two messages of an order, the higher one counts
    updated_at    timestamptz not null
);

create table order_lines (
    order_id text not null references orders,
    line     integer not null,            -- its place in the order, from 1
    toy_id   text not null,
    name     text not null,
    price    bigint not null,             -- of one
    quantity bigint not null,
    primary key (order_id, line)
);

-- Sales by month, what was cancelled (newest first), sales by toy.
create index orders_confirmed on orders (confirmed_at) where confirmed_at is not null;
create index orders_cancelled on orders (cancelled_at) where cancelled_at is not null;
create index order_lines_toy on order_lines (toy_id);
