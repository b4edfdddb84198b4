// The drawing pad: strokes by mouse, pen and finger, and by keyboard.

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Lets people draw on an element.
 * @param {HTMLElement} pad - the element; it takes the focus.
 * @param {Object} drawing - `strokes` and `cursor`, which this changes.
 * @param {Object} on - functions: `size()` returns the image's [width, height]; `begin()` is
 *   called before a stroke, `drawn(ended, done)` after a change, with what is read out of it,
 *   `moved()` after the cursor did;
 *   `say(text)` tells a screen reader; `undo()` and `clear()`.
 */
function makePad(pad, drawing, on) {
  const place = (event) => {
    const box = pad.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  pad.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.isPrimary) return;
    pad.setPointerCapture(event.pointerId);
    on.begin();
    drawing.strokes.push([place(event)]);
    drawing.cursor = null;
    on.drawn(false);
  });
  pad.addEventListener("pointermove", (event) => {
    if (!pad.hasPointerCapture(event.pointerId) || !drawing.strokes.length) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    drawing.strokes.at(-1).push(...(passed.length ? passed : [event]).map(place));
    on.drawn(false);
  });
  pad.addEventListener("lostpointercapture", () => on.drawn(true));
  pad.addEventListener("keydown", (event) => pressed(event, drawing, on));
  pad.addEventListener("blur", () => {
    drawing.cursor = null;
    on.moved();
  });
}

/** Handles a key: arrows move the cursor, Space paints, Shift with an arrow draws a line. */
function pressed(event, drawing, on) {
  const undo = event.key === "Backspace" || ((event.ctrlKey || event.metaKey) && event.key === "z");
  if (event.key in MOVES) step(drawing, MOVES[event.key], event.shiftKey, on);
  else if (event.key === " ") paint(drawing, on);
  else if (undo) on.undo();
  else if (event.key === "Delete") on.clear();
  else return;
  event.preventDefault(); // the page would scroll
}

function middle([x, y], [width, height]) {
  return [(x + 0.5) / width, (y + 0.5) / height];
}

function start(drawing, on) {
  const [width, height] = on.size();
  drawing.cursor ??= [width >> 1, height >> 1];
}

function paint(drawing, on) {
  start(drawing, on);
  on.begin();
  drawing.strokes.push([middle(drawing.cursor, on.size())]);
  on.drawn(true, `painted ${where(drawing.cursor)}`);
}

function step(drawing, [right, down], draws, on) {
  const fresh = drawing.cursor === null;
  start(drawing, on);
  const size = on.size();
  const before = drawing.cursor;
  const limited = (value, most) => Math.min(Math.max(value, 0), most - 1);
  if (!fresh) {
    drawing.cursor = [limited(before[0] + right, size[0]), limited(before[1] + down, size[1])];
  }
  if (draws) {
    on.begin();
    lengthen(drawing, before, size);
    on.drawn(true, `line to ${where(drawing.cursor)}`);
    return;
  }
  on.moved();
  on.say(where(drawing.cursor));
}

/** Draws from one place of the cursor to the next: on with the last stroke if it ends there. */
function lengthen(drawing, before, size) {
  const from = middle(before, size);
  const last = drawing.strokes.at(-1);
  const goes = last && last.at(-1).every((value, axis) => Math.abs(value - from[axis]) < 1e-9);
  if (!goes) drawing.strokes.push([from]);
  drawing.strokes.at(-1).push(middle(drawing.cursor, size));
}

function where([x, y]) {
  return `row ${y + 1}, column ${x + 1}`;
}
