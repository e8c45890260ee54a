"""Points under the hand: by mouse, touch, keys, clicks and number fields."""

import re

import pytest

DRAW = "() => [...document.querySelectorAll('.figure path')].map((path) => path.getAttribute('d')).join('')"
COUNT = """() => {
  window.redraws = 0;
  const curve = document.querySelector('.right path.line.pole');
  new MutationObserver(() => { window.redraws += 1; }).observe(curve, { attributeFilter: ['d'] });
}"""
FRAME = """() => {
  const plane = document.querySelector('.left .canvas svg');
  const [box, inner] = [plane.getBoundingClientRect(), plane.querySelector('rect.frame')];
  const at = (name) => Number(inner.getAttribute(name));
  return { left: box.left + at('x'), top: box.top + at('y'), width: at('width'), height: at('height') };
}"""


@pytest.fixture
def poles(visit):
    page = visit("poles", "?gain=1")  # an address with settings plays nothing by itself
    return page


def pole(page, i=1):
    return page.get_by_role("slider", name=f"pole {i}", exact=True)


def zero(page):
    return page.get_by_role("slider", name="zero 1", exact=True)


def place(handle):
    """Where a point says that it stands."""
    text = handle.get_attribute("aria-valuetext").replace("−", "-").split(",")[0].split(" ", 1)[1]
    found = re.fullmatch(r"(-?[\d.]+)(?: ([+-]) ([\d.]+) i)?", text)
    assert found, text
    return float(found[1]), float(f"{found[2] or ''}{found[3] or 0}")


def pixel(page, re, im, reach=1.5):
    frame = page.evaluate(FRAME)
    x = frame["left"] + (re + reach) / (2 * reach) * frame["width"]
    return x, frame["top"] + (reach - im) / (2 * reach) * frame["height"]


def drag(page, start, end, moves=20):
    page.mouse.move(*pixel(page, *start))
    page.mouse.down()
    for i in range(1, moves + 1):
        share = i / moves
        page.mouse.move(*pixel(page, *(a + share * (b - a) for a, b in zip(start, end))))
        page.wait_for_timeout(20)
    page.mouse.up()


def test_a_drag_moves_the_pole_its_mirror_and_the_curves(poles):
    before = poles.evaluate(DRAW)
    poles.evaluate(COUNT)
    drag(poles, (0.75, 0.45), (0.3, 0.8))
    step = 3 / poles.evaluate(FRAME)["width"]  # one pixel in the plane
    assert place(pole(poles)) == pytest.approx((0.3, 0.8), abs=step)
    assert poles.evaluate(DRAW) != before
    assert poles.evaluate("() => window.redraws") >= 10  # half of the moves
    mirror = poles.locator("path.glyph.pole.mirror").bounding_box()
    middle = mirror["x"] + mirror["width"] / 2, mirror["y"] + mirror["height"] / 2
    assert middle == pytest.approx(pixel(poles, 0.3, -0.8), abs=1.5)


def test_a_point_snaps_to_the_axis_and_leaves_it_as_a_pair(poles):
    drag(poles, (0.75, 0.45), (0.7, 0.01))
    assert place(pole(poles))[1] == 0
    poles.get_by_text("fewer zeros than poles").wait_for(state="detached")
    drag(poles, (0.7, 0.0), (0.7, 0.3))
    assert place(pole(poles))[1] == pytest.approx(0.3, abs=0.01)


def test_a_pole_beyond_the_circle_is_called_unstable_and_nothing_breaks(poles):
    drag(poles, (0.75, 0.45), (1.0, 0.6))
    poles.get_by_text("unstable", exact=True).wait_for()
    drag(poles, (1.0, 0.6), (3.0, 1.8))  # held at modulus 1.2
    x, y = place(pole(poles))
    assert (x * x + y * y) ** 0.5 == pytest.approx(1.2, abs=2e-3)  # three digits are said
    assert "NaN" not in poles.evaluate(DRAW) and "Infinity" not in poles.evaluate(DRAW)
    poles.keyboard.press("Home")
    for _ in range(25):
        poles.keyboard.press("ArrowLeft")
    poles.get_by_text("unstable", exact=True).wait_for(state="hidden")


def test_keys_do_all_that_a_hand_does(poles):
    pole(poles).focus()
    poles.keyboard.press("ArrowRight")
    assert place(pole(poles)) == (0.77, 0.45)
    poles.keyboard.press("Shift+ArrowUp")
    assert place(pole(poles)) == (0.77, 0.452)
    poles.keyboard.press("PageDown")
    x, y = place(pole(poles))
    assert (x**2 + y**2) ** 0.5 == pytest.approx((0.77**2 + 0.452**2) ** 0.5 - 0.05, abs=1e-3)
    poles.keyboard.press("a")
    assert place(pole(poles, 2))[1] == 0
    pole(poles, 2).focus()
    poles.keyboard.press("Delete")
    pole(poles, 2).wait_for(state="detached")
    pole(poles).focus()
    poles.keyboard.press("Tab")
    assert "zero" in poles.evaluate("() => document.activeElement.getAttribute('aria-label')")


def test_the_ring_of_focus_can_be_seen(poles):
    shown = """() => {
      const ring = getComputedStyle(document.activeElement.querySelector('.ring'));
      return [ring.stroke, ring.opacity];
    }"""
    pole(poles).focus()
    poles.keyboard.press("ArrowRight")
    stroke, opacity = poles.evaluate(shown)
    assert opacity == "1" and stroke not in ("none", "rgba(0, 0, 0, 0)")


def test_nothing_needs_dragging(poles):
    pole(poles).focus()
    poles.mouse.click(*pixel(poles, 0.2, 0.6))
    assert place(pole(poles)) == pytest.approx((0.2, 0.6), abs=0.01)
    field = poles.locator(".point").first.locator("input").first
    field.fill("0.5")
    field.press("Enter")
    assert place(pole(poles))[0] == 0.5


def test_one_zero_too_many_is_refused_in_words(poles):
    poles.get_by_role("button", name="+ zero").click()
    poles.get_by_text("fewer zeros than poles").wait_for()
    assert poles.get_by_role("slider", name="zero 2").count() == 0


def test_shift_keeps_the_angle_and_alt_the_modulus(poles):
    poles.keyboard.down("Shift")
    drag(poles, (0.75, 0.45), (0.5, 0.5))
    poles.keyboard.up("Shift")
    x, y = place(pole(poles))
    assert y / x == pytest.approx(0.6, abs=5e-3)
    poles.keyboard.down("Alt")
    drag(poles, (x, y), (0.2, 0.7))
    poles.keyboard.up("Alt")
    u, v = place(pole(poles))
    assert (u * u + v * v) == pytest.approx(x * x + y * y, abs=5e-3) and v > y


def test_a_finger_drags_a_point_and_scrolls_beside_it(visit):
    page = visit("poles", "?gain=1", has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    touch = page.context.new_cdp_session(page)

    def swipe(start, end):
        for i in range(11):
            x, y = (a + (b - a) * i / 10 for a, b in zip(start, end))
            kind = "touchMove" if i else "touchStart"
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
            page.wait_for_timeout(20)
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_timeout(300)

    page.locator(".left svg").first.scroll_into_view_if_needed()
    top = page.evaluate("() => scrollY")
    swipe(pixel(page, 0.75, 0.45), pixel(page, 0.4, 0.4))
    assert place(pole(page)) == pytest.approx((0.4, 0.4), abs=0.03)
    assert page.evaluate("() => scrollY") == top
    x, y = pixel(page, -1, 0)
    swipe((x, y), (x, y - 200))
    assert page.evaluate("() => scrollY") > top


def test_python_answers_a_drag_with_the_same_curves(visit):
    page = visit("poles", "?gain=1")
    local = page.evaluate(DRAW)
    remote = visit("poles", "?gain=1&python=true")
    remote.wait_for_function("() => document.querySelector('.connection').dataset.kind === 'python'")
    remote.wait_for_timeout(500)
    found, wanted = ([float(x) for x in re.findall(r"-?[\d.]+", d)] for d in (remote.evaluate(DRAW), local))
    assert found == pytest.approx(wanted, abs=0.11)  # the last digit of a path, and numbers of six digits
    drag(remote, (0.75, 0.45), (0.6, 0.5))
    assert remote.evaluate(DRAW) != local
