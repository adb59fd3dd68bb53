-- What a toy was sold as, who has a parcel, and each refund of an order.

-- An order is one parcel: what is told of it stands with the order.
alter table orders
    add column carrier text,                         -- who has the parcel; null before it left
    -- How much of an order the row keeps. Of two rows of one version, the higher one has more: so
    -- all orders told again fill what a row of an older shape lacks.
    add column shape   smallint not null default 0;

alter table order_lines
    add column category   text,                      -- as it was sold; null where nobody told
    add column fulfilment text not null default 'parcel';

-- An order may have several refunds, each at a time of its own. Together they are refund_amount.
create table refunds (
    order_id     text not null references orders,
    refund_id    text not null,                      -- '' for what no refund of its own accounts for
    amount       bigint not null,
    requested_at timestamptz not null,
    primary key (order_id, refund_id)
);

insert into refunds (order_id, refund_id, amount, requested_at)
select order_id, '', refund_amount, coalesce(cancelled_at, updated_at)
from orders
where refund_amount > 0;

drop index orders_refunded;
create index refunds_requested on refunds (requested_at);

-- Sales by time, from the index alone; orders by when they were placed, page by page.
drop index orders_confirmed;
create index orders_confirmed on orders (confirmed_at) include (currency, net, tax, gross)
    where confirmed_at is not null;
create index orders_placed on orders (placed_at, order_id);

-- No question begins with a toy.
drop index order_lines_toy;
