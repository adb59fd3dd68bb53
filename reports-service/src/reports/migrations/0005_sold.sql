-- What is sold is counted from two indexes alone, neither of which leads to a table: a line keeps
-- what it is counted by of its order, which is written with it.

set local work_mem = '64MB';

-- What is being written is written first: it would not be seen here, and its lines would be lost.
lock table orders, order_lines in share row exclusive mode;

-- A new table is written much faster than each row of the old one is changed.
create table sold_lines (
    order_id          text    not null,
    line              integer not null,
    toy_id            text    not null,
    name              text    not null,
    price             bigint  not null,
    quantity          bigint  not null,
    category          text,
    fulfilment        text    not null default 'parcel',
    currency          text    not null,             -- the order's, as the next two are
    confirmed_at      timestamptz,
    cancelled         boolean not null,
    tax               bigint  not null,             -- its share of the order's, rounded down
    first_of_toy      boolean not null,             -- the first line of its order with that toy,
    first_of_category boolean not null              -- and in that category: these count orders
);

insert into sold_lines
select
    order_id,
    line,
    toy_id,
    name,
    price,
    quantity,
    category,
    fulfilment,
    currency,
    confirmed_at,
    cancelled_at is not null,
    coalesce(tax * (price * quantity) / nullif(gross, 0), 0),
    line = min(line) over (partition by order_id, toy_id),
    line = min(line) over (partition by order_id, category)
from order_lines join orders using (order_id);

drop table order_lines;
alter table sold_lines rename to order_lines;
alter table order_lines
    add primary key (order_id, line),
    add foreign key (order_id) references orders;

create index order_lines_sold on order_lines (confirmed_at)
    include (
        currency, toy_id, name, category, price, quantity, tax, cancelled,
        first_of_toy, first_of_category
    )
    where confirmed_at is not null;

-- An index is read alone only where its table was vacuumed since it changed.
alter table orders set (
    autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05
);
alter table order_lines set (
    autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05
);
