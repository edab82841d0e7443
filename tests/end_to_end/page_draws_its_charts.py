"""page_draws_its_charts.py RUN.html COMPARE.html HUNG.html: opens them as people do, on a desk and on a
phone, in the light and in the dark, and looks whether they are what they should be.
HOLDFAST_PICTURES=FOLDER keeps what it saw."""

import os
import sys
import time

from chromium_page import Browser

problems = []


def expect(good, what):
    if not good:
        problems.append(what)
        print("FAILED:", what)


def expect_soon(true, what):
    until = time.monotonic() + 10
    while not true():
        if time.monotonic() > until:
            return expect(False, what)
        time.sleep(0.1)


ROOT = "document.documentElement"
CHARTS = "[...document.querySelectorAll('figure:not([hidden]) [data-chart]')]"
# Whether every chart has put ink on one of its canvases.
INKED = """[...document.querySelectorAll('figure:not([hidden]) [data-chart]')].every(chart =>
  [...chart.querySelectorAll('canvas')].some(canvas =>
    canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(byte => byte !== 0)))"""


def look(browser, name, path, width, dark, phone):
    where = f"{name} at {width} px in the {'dark' if dark else 'light'}"
    tab = browser.open(path, width=width, height=844 if phone else 900, dark=dark, phone=phone)
    places = tab.value(f"{CHARTS}.length")
    expect(places >= 3, f"{where}: only {places} places for charts")
    expect(tab.value(f"{ROOT}.dataset.failures") == "", f"{where}: {tab.value(f'{ROOT}.dataset.failures')}")
    expect(tab.value(f"{ROOT}.dataset.charts") == str(places), f"{where}: {tab.value(f'{ROOT}.dataset.charts')} of {places} charts drew")
    expect(tab.value(INKED), f"{where}: a chart is blank")
    expect(tab.value(f"{CHARTS}.every(one => one.querySelector('canvas').getBoundingClientRect().width > 250)"),
           f"{where}: a chart has no room")
    expect(tab.value(f"{ROOT}.scrollWidth") <= width, f"{where}: it is wider than the screen")
    expect(tab.value("window.hostile") is None, f"{where}: a name was run as a script")
    expect(tab.value("document.querySelectorAll('img').length") == 0, f"{where}: a name became an element")
    light = tab.value("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)[0]") > 128
    expect(light != dark, f"{where}: its colours are not of that scheme")
    found = tab.complaints()
    expect(not found, f"{where}: {found}")
    folder = os.environ.get("HOLDFAST_PICTURES")
    if folder:
        tab.picture(os.path.join(folder, f"{name}-{width}-{'dark' if dark else 'light'}.png"))
    return tab


# The words along the axis of time: they change when one zooms in, and come back.
AXIS = """(() => { const chart = document.querySelector('[data-chart="latency"]');
  chart.scrollIntoView({block: 'center', behavior: 'instant'});
  return [...chart.querySelectorAll('.dygraph-axis-label-x')].map(one => one.textContent).join(' '); })()"""
BOX = """(() => { const box = document.querySelector('[data-chart="latency"]').getBoundingClientRect();
  return [box.left, box.top, box.width, box.height]; })()"""


def zoom_with_a_mouse(tab):
    before = tab.value(AXIS)
    left, top, width, height = tab.value(BOX)
    middle = top + height / 2
    tab.drag(left + width * 0.4, middle, left + width * 0.6, middle)
    expect_soon(lambda: tab.value(AXIS) != before, f"dragging does not zoom: {before}")
    for count in (1, 2):
        for kind in ("mousePressed", "mouseReleased"):
            tab.call("Input.dispatchMouseEvent", type=kind, x=left + width / 2, y=middle, button="left", clickCount=count)
    expect_soon(lambda: tab.value(AXIS) == before, "a double click does not show all of it again")


def zoom_with_fingers(tab):
    before = tab.value(AXIS)
    left, top, width, height = tab.value(BOX)
    middle = top + height / 2
    tab.touch("touchStart", (left + width * 0.45, middle), (left + width * 0.55, middle))
    for step in range(1, 6):
        tab.touch("touchMove", (left + width * (0.45 - 0.04 * step), middle), (left + width * (0.55 + 0.04 * step), middle))
    tab.touch("touchEnd")
    expect_soon(lambda: tab.value(AXIS) != before, f"a pinch does not zoom: {before}")
    for _ in range(2):
        tab.touch("touchStart", (left + width / 2, middle))
        tab.touch("touchEnd")
    expect_soon(lambda: tab.value(AXIS) == before, "a double tap does not show all of it again")


def choose(tab):
    """Its buttons: another round, another kind of operation, another scheme."""
    shown = "document.querySelector('[data-destination=\"1\"] [aria-pressed=\"true\"]').textContent"
    expect(tab.value(shown) == "round 2", f"the round that stalled is not shown first, but {tab.value(shown)}")
    tab.value("document.querySelector('[data-destination=\"1\"] [data-run=\"0\"]').click()")
    expect(tab.value(shown) == "round 1", "no other round can be chosen")
    tab.value("document.querySelector('[data-kind=\"write\"]').click()")
    dark = tab.value("getComputedStyle(document.body).backgroundColor")
    tab.value("document.getElementById('theme').click()")
    expect(tab.value("getComputedStyle(document.body).backgroundColor") != dark, "the scheme does not change")
    expect(tab.value(f"{ROOT}.dataset.failures") == "", "something failed while choosing")
    found = tab.complaints()
    expect(not found, f"while choosing: {found}")
    expect(tab.value(INKED), "a chart is blank after choosing")


def try_to_get_out(tab):
    """The page itself must refuse what no part of it does."""
    tab.value("""document.addEventListener('securitypolicyviolation', (event) => {
        document.documentElement.dataset.refused = (document.documentElement.dataset.refused || '') + event.effectiveDirective + ' '; });
      fetch('http://127.0.0.1:9/').catch(() => {});
      document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.hostile = 1'}));
      document.body.append(Object.assign(document.createElement('img'), {src: 'http://127.0.0.1:9/x.png'})); 1""")
    refused = f"{ROOT}.dataset.refused || ''"
    for what in ("connect-src", "script-src-elem", "img-src"):
        expect_soon(lambda: what in tab.value(refused), f"{what} is not refused: {tab.value(refused)}")
    expect(tab.value("window.hostile") is None, "a script that was put into the page ran")


def main():
    run, comparison, hang = sys.argv[1:]
    with Browser() as browser:
        zoom_with_a_mouse(look(browser, "run", run, 1280, dark=False, phone=False))
        zoom_with_fingers(look(browser, "run", run, 390, dark=True, phone=True))
        choose(look(browser, "compare", comparison, 1280, dark=True, phone=False))
        look(browser, "compare", comparison, 390, dark=False, phone=True)
        look(browser, "hung", hang, 390, dark=True, phone=True)
        try_to_get_out(look(browser, "hung", hang, 1280, dark=False, phone=False))
    with Browser(javascript=False) as browser:
        words = browser.open(comparison).value("document.body.innerText")
        for word in ("Destinations", "did not hold still", "Worst gap", "How this was made", "need JavaScript"):
            expect(word in words, f"without JavaScript it does not say '{word}'")
    sys.exit(1 if problems else 0)


main()
