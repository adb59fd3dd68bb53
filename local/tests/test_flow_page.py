"""The flow page in a real browser, on the recorded run that docs show."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from starlette.types import ASGIApp

from local.flow import recording
from local.flow.journal import Journal
from local.flow.server import Recorded, application
from local.settings import ROOT
from tests.e2e.browser import Watch, launch

RECORDING = ROOT / "docs" / "flow" / "two-orders.jsonl.gz"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    return recording.load(RECORDING)


@pytest.fixture
def page(
    browser: Browser, records: list[dict[str, Any]], serve: Callable[[ASGIApp], str]
) -> Iterator[Page]:
    """The page, at the end of the recording. Nothing may have gone wrong in it in the end."""
    about = {**records[0], "mode": "replay", "file": RECORDING.name}
    journal = Journal()
    journal.add(one for one in records if one["k"] not in {"about", "segments"})
    url = serve(application(about, journal, Recorded(records)))
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    watch = Watch(context)
    page = context.new_page()
    page.goto(url)
    expect(page.locator("nav button").nth(1)).to_be_visible()
    page.evaluate("flow.clock.toggle(); flow.clock.jump(flow.clock.to)")
    page.get_by_role("button", name="Fit").click()
    yield page
    context.close()
    assert watch.problems == []


def of_kind(records: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one for one in records if one["k"] == kind]


def drawn(page: Page, count: int) -> None:
    expect(page.locator("canvas")).to_have_attribute("data-messages", str(count))


def test_all_that_was_recorded_is_drawn(page: Page, records: list[dict[str, Any]]) -> None:
    messages = of_kind(records, "message")
    drawn(page, len(messages))
    ways = sum(len(one["readers"]) or 1 for one in messages)
    expect(page.locator("canvas")).to_have_attribute("data-ways", str(ways))
    orders = {one["order"] for one in messages}
    expect(page.locator("nav button")).to_have_count(len(orders) + 1)
    expect(page.locator("#names li")).to_have_count(8)
    expect(page.locator("#legend")).to_contain_text(f"handled {len(messages)}")
    page.get_by_role("button", name="Table").click()
    expect(page.locator("#table tbody tr")).to_have_count(min(ways, 130))


def test_what_is_later_than_the_moment_is_not_there(page: Page) -> None:
    page.evaluate("flow.clock.jump(flow.clock.from)")
    drawn(page, 0)
    page.get_by_label("Place in the recording").fill("1000")
    page.evaluate("flow.clock.jump(flow.clock.to)")
    expect(page.locator("canvas")).not_to_have_attribute("data-messages", "0")


def test_an_order_by_itself_and_a_message_by_click(
    page: Page, records: list[dict[str, Any]]
) -> None:
    messages = of_kind(records, "message")
    order = next(one["order"] for one in messages if one["name"] == "OrderCancelled")
    own = [one for one in messages if one["order"] == order]
    page.locator(f'nav button[data-order="{order}"]').click()
    drawn(page, len(own))
    place = page.evaluate(
        "(name) => { const way = flow.lanes.targets.find((one) => one.message.name === name);"
        " const box = flow.lanes.canvas.getBoundingClientRect();"
        " return { x: box.x + way.x1, y: box.y + way.y1 }; }",
        "ReserveStock",
    )
    page.mouse.click(place["x"], place["y"])
    panel = page.locator("#panel")
    expect(panel.locator("h2")).to_have_text("ReserveStock")
    expect(panel).to_contain_text(order)
    expect(panel).to_contain_text("toys.inbox")
    expect(panel.locator(".calls tr").first).to_be_visible()
    expect(panel.locator(".logs li").first).to_be_visible()
    expect(panel).to_contain_text("What led to what")
    panel.get_by_role("button", name="X-Ray segments").first.click()
    expect(panel.locator("pre").first).to_contain_text('"trace_id"')


def test_an_opened_message_stays_as_it_is_while_others_are_logged(
    page: Page, records: list[dict[str, Any]]
) -> None:
    page.keyboard.press("ArrowRight")
    panel = page.locator("#panel")
    panel.get_by_role("button", name="X-Ray segments").first.click()
    raw = panel.locator("pre").first
    expect(raw).to_contain_text('"trace_id"')
    line = {**of_kind(records, "log")[0], "mid": "another", "trace": "another", "text": "later"}
    page.evaluate("(one) => { flow.store.add([one]); flow.page.dirty = true; }", line)
    page.wait_for_timeout(400)
    expect(raw).to_be_visible()
    shown = page.evaluate("flow.page.message.mid")
    page.evaluate("(one) => { flow.store.add([one]); }", {**line, "mid": shown})
    expect(raw).to_be_hidden()


def test_the_store_keeps_the_newer_half_and_the_dead_letters(page: Page) -> None:
    """And a line that comes after a search is found by the next one."""
    told = page.evaluate(
        """async () => {
          const { Store } = await import("./store.js");
          const message = (n) => ({ k: "message", id: `m${n}`, mid: `m${n}`, name: "M", at: n,
            changed: n, sender: "orders", order: "o", readers: [],
            event: { detail: { data: {} } } });
          const fill = (about) => {
            const store = new Store(about, 10);
            store.add([{ k: "letters", at: 0, queues: ["dead"] }, { k: "trouble", text: "down" }]);
            for (let n = 1; n <= 9; n += 1) store.add([message(n)]);
            return store;
          };
          const live = fill({ mode: "live" });
          const before = live.textOf(live.byId.get("m9"));
          live.add([{ k: "log", mid: "m9", text: "Found", fields: {} }]);
          const replay = fill({ mode: "replay" });
          return [live.messages.map((one) => one.id), live.lettersAt(5), live.trouble, live.version,
            before.includes("found"), live.textOf(live.byId.get("m9")).includes("found"),
            replay.messages.length];
        }"""
    )
    assert told == [["m5", "m6", "m7", "m8", "m9"], ["dead"], "down", 11, False, True, 9]


def test_by_keyboard(page: Page, records: list[dict[str, Any]]) -> None:
    press = page.keyboard.press
    page.locator("canvas").focus()
    press("ArrowDown")
    chosen = page.locator('nav button[aria-current="true"]')
    expect(chosen).not_to_have_attribute("data-order", "")
    order = chosen.get_attribute("data-order")
    own = sorted(
        (one for one in of_kind(records, "message") if one["order"] == order),
        key=lambda one: one["at"],
    )
    drawn(page, len(own))
    heading = page.locator("#panel h2")
    press("ArrowRight")
    expect(heading).to_have_text(own[0]["name"])
    press("ArrowRight")
    expect(heading).to_have_text(own[1]["name"])
    expect(page.locator("#live")).to_contain_text(own[1]["name"])
    press("ArrowLeft")
    expect(heading).to_have_text(own[0]["name"])
    press("Enter")
    expect(page.locator("#panel")).to_be_focused()
    press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    press("Escape")
    expect(chosen).to_have_attribute("data-order", "")
    press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type(own[0]["order"].lower())
    expect(page.locator("nav button")).to_have_count(2)
    press("Escape")
    expect(page.locator("nav button")).not_to_have_count(2)
    press("?")
    expect(page.locator("#keys")).to_be_visible()
    press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    expect(page.locator("#pause")).to_have_text("Play")
    press("Space")
    expect(page.locator("#pause")).to_have_text("Play")  # it is at its end
    page.evaluate("flow.clock.jump(flow.clock.from)")
    expect(page.locator("#pause")).to_have_text("Pause")


def test_it_can_be_read_without_seeing_it(page: Page) -> None:
    page.keyboard.press("ArrowRight")
    expect(page.locator("#panel")).to_be_visible()
    found = Axe().run(page)
    assert [(one["id"], one["nodes"][0]["html"]) for one in found.response["violations"]] == []


DEAD = {
    "k": "letters",
    "at": 0,
    "queues": [{"service": "toys", "queue": "InboxDeadLetters", "count": 1, "back": True}],
}


def test_a_dead_letter_is_red_and_can_be_sent_back(
    page: Page, records: list[dict[str, Any]]
) -> None:
    message = next(one for one in of_kind(records, "message") if one["name"] == "ReserveStock")
    letter = {"what": message["name"], "about": message["order"], "reason": "no such toy"}
    letter |= {"at": message["at"], "message": message["id"], "mid": message["mid"]}
    queue = {**DEAD["queues"][0], "letters": [letter]}  # type: ignore[index]
    page.evaluate("(one) => flow.store.add([one])", {**DEAD, "queues": [queue]})
    alarm = page.locator(".alarm")
    expect(alarm).to_contain_text("toys InboxDeadLetters: 1")
    expect(page.locator("#legend")).to_contain_text("dead letter 1")
    alarm.click()
    expect(page.locator("#panel")).to_contain_text("no such toy")
    asked: list[Any] = []

    def answer(route: Any) -> None:
        asked.append((route.request.post_data_json, route.request.headers.get("x-flow")))
        route.fulfill(json={"moved": 1})

    page.route("**/redrive", answer)
    page.get_by_role("button", name="Redrive the letter of toys").click()
    expect(page.locator("#panel")).to_contain_text("1 sent back.")
    assert asked == [({"service": "toys", "queue": "InboxDeadLetters"}, "1")]
    page.get_by_role("button", name="its way").click()
    expect(page.locator("#panel .badge.dead")).to_contain_text("dead letter")


def test_the_alarms_that_can_be_seen_from_here(page: Page) -> None:
    """A message that waits for six minutes, a run that failed, and figures over their limits."""
    told = page.evaluate(
        """async () => {
          const { Store } = await import("./store.js");
          const { alarms } = await import("./alarms.js");
          const now = 10000000;
          const store = new Store({ started: 0 });
          const message = (id, at) => ({ k: "message", id, mid: id, name: "M", sender: "orders", at,
            changed: at, order: "o", readers: ["toys"], event: { detail: { data: {} } } });
          const tried = (id, state) => ({ k: "handling", id: "h" + id, message: id, reader: "toys",
            begun: now - 350000, ended: now - 349000, state });
          const run = { k: "run", id: "r", service: "payments", begun: now - 1000, ended: now - 900,
            failed: "Error", calls: [] };
          const figure = (name, value, at) => ({ k: "figure", at, service: "orders", name, value });
          store.add([message("a", now - 360000), message("b", now - 400000), tried("b", "handled"),
            message("c", now - 1000), run, figure("OrdersPastDeadline", 2, now - 70000),
            figure("OrdersPastDeadline", 3, now - 10000), figure("RefundsOverdue", 0, now - 10000),
            figure("ReportsLag", 1801, now - 10000), figure("OrdersPlaced", 9, now - 10000)]);
          const texts = (at) => alarms(store, at, new Map()).map((one) => one.text);
          return [texts(now), texts(now + 400000)];
        }"""
    )
    assert told == [
        [
            "toys Inbox: M waits for 6 min",
            "payments functions: 1 errors",
            "orders: 1801 seconds that reports lag",
            "orders: 3 orders past their deadline",
        ],
        ["toys Inbox: M waits for 12 min"],
    ]
