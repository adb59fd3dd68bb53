"""What the report tells beside the sales: what failed, and what it leaves out."""

from psycopg import Connection
from psycopg.rows import dict_row

from reports.asked import Stretch, within
from reports.report import MOST_FAILURES, Failure


def failures(connection: Connection) -> list[Failure]:
    """The newest of the orders that were cancelled for any reason but the shopper's own wish."""
    cursor = connection.cursor(row_factory=dict_row)
    return [Failure(**row) for row in cursor.execute(_FAILURES, {"most": MOST_FAILURES})]


def left_out(connection: Connection, asked: Stretch, currency: str) -> int:
    """How many orders were paid in that time in another currency."""
    ((count,),) = connection.execute(_LEFT_OUT, {**asked.parameters, "currency": currency})
    return int(count)


_FAILURES = """
    select order_id, coalesce(reason, 'UNKNOWN') as reason, cancelled_at as at
    from orders
    where cancelled_at is not null and reason is distinct from 'CUSTOMER'
    order by cancelled_at desc, order_id collate "C"
    limit %(most)s
"""

_LEFT_OUT = f"""
    select count(*)
    from orders
    where {within("confirmed_at")} and currency <> %(currency)s
"""
