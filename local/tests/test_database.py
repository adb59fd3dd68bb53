import os
import shutil
from pathlib import Path

import psycopg
import pytest

from local import cloud, database, processes
from local.settings import Settings


def test_a_folder_that_only_its_owner_may_enter(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    tmp_path.chmod(0o700)
    assert not database.enterable(inner)
    assert database.enterable(Path("/"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to give up being root")
def test_as_root_the_data_is_where_another_user_may_enter(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    settings = Settings(home=tmp_path / "home")
    assert not database.folder(settings).is_relative_to(settings.home)
    assert database.folder(settings) == database.folder(settings)
    assert database.folder(settings) != database.folder(Settings(home=tmp_path / "other"))


def test_a_real_postgresql_with_an_empty_database(settings: Settings) -> None:
    server = database.server(settings)
    processes.start(settings, server)
    try:
        processes.await_answer(settings, server)
        database.recreate(settings)
        with psycopg.connect(settings.database_url) as connection:
            connection.execute("CREATE TABLE sales (net integer)")
            connection.commit()
            database.recreate(settings)  # while somebody is connected
        with psycopg.connect(settings.database_url) as connection:
            assert connection.execute("SELECT to_regclass('sales')").fetchone() == (None,)
            version = connection.info.server_version
        assert version // 10000 == 16
        _the_reader_only_reads(settings)
    finally:
        assert cloud.down(settings) == ["postgres"]
        shutil.rmtree(database.folder(settings))


def _the_reader_only_reads(settings: Settings) -> None:
    """What the writer lets it, of what the writer makes."""
    url = settings.database_url.replace(settings.database_user, "{}", 1)
    with psycopg.connect(url.format(settings.database_writer), autocommit=True) as writer:
        writer.execute("CREATE TABLE sales (net integer)")
        writer.execute(f"GRANT SELECT ON sales TO {settings.database_reader}")
    with psycopg.connect(url.format(settings.database_reader), autocommit=True) as reader:
        assert reader.execute("SELECT * FROM sales").fetchall() == []
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            reader.execute("INSERT INTO sales VALUES (1)")
        reader.execute("SET default_transaction_read_only = off")
        for refused in ("INSERT INTO sales VALUES (1)", "CREATE TABLE mine (n integer)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(refused.encode())
