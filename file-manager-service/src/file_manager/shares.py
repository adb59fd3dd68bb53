"""Sharing: what the command ShareFile does. Each step may be done again, or never follow."""

from aws_lambda_powertools import Logger

from file_manager.messages import ShareFile
from file_manager.model import now
from file_manager.share import Refusal, Share, ShareStatus, refusal
from file_manager.share_items import SharesTable
from file_manager.shelf import SharedFiles
from file_manager.table import Conflict


def share(command: ShareFile, table: SharesTable, shelf: SharedFiles, logger: Logger) -> None:
    """Keep the token, copy the file, then commit that it is shared; or commit that it is not.

    The commit holds only while the file is stored, so that nothing is shared of a deleted one.
    Who finds that others decided takes away what it copied itself; if it dies before, the message
    comes again and does it. Raises Conflict when that is not decided yet: it comes again, too.
    """
    kept = _kept(command, table)
    if kept.status is ShareStatus.PENDING:
        kept = _settled(kept, table, shelf)
        logger.info("share settled", share_id=kept.share_id, status=kept.status, reason=kept.reason)
    else:
        logger.info("share is settled", share_id=kept.share_id, status=kept.status)
    if not kept.is_live:
        shelf.remove(kept)


def _kept(command: ShareFile, table: SharesTable) -> Share:
    """The share as it is kept, from now on if it was not before."""
    asked, cause = command.data, command.metadata
    kept = table.share(asked.share_id)
    if kept:
        return kept
    file = table.file(asked.file_id)
    made = Share.of(asked, file, cause.correlation_id, cause.id, now())
    try:
        table.add_share(made)
    except Conflict:
        return _known(asked.share_id, table)
    return made


def _settled(pending: Share, table: SharesTable, shelf: SharedFiles) -> Share:
    """What becomes of a share whose token is kept."""
    file = table.file(pending.file_id)
    reason = refusal(file)
    try:
        if file is None or reason:
            settled = pending.refuse(reason or Refusal.FILE_UNKNOWN, now())
            table.save_share(settled, after=pending)
        else:
            shelf.put(pending, file)
            settled = pending.share(now())
            table.commit_share(settled, after=pending)
    except Conflict:
        decided = _known(pending.share_id, table)
        if decided.status is ShareStatus.PENDING:
            raise  # it is the file that has changed
        return decided
    return settled


def _known(share_id: str, table: SharesTable) -> Share:
    share = table.share(share_id)
    if share is None:
        raise Conflict(f"share {share_id} was there a moment ago")
    return share
