-- What goes back of a cancelled order's payment. Both are null where nothing does.
alter table orders
    add column refund_amount bigint,      -- in minor units of the order's currency
    add column refund_status text;        -- PENDING, then REFUNDED
