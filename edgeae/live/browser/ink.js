// Renders strokes as grey levels, the way MNIST was made: fitted into a box, then centred by mass.

/** Half the width of a stroke, of the image's shorter side: 2.4 pixels of 28 are a pen of MNIST. */
const INK_RADIUS = 0.042;
/** The box that MNIST's digits fill, of the image's shorter side. */
const BOX = 20 / 28;
/** A small drawing grows at most by this, so that the first dot of a stroke stays a dot. */
const MOST_GROWN = 2.5;

/**
 * Returns the grey levels of strokes, 0 to 255, row by row.
 * @param {number[][][]} strokes - each a list of points [x, y], both from 0 to 1.
 * @param {number} height - rows of the image.
 * @param {number} width - columns of the image.
 * @param {boolean} centred - whether they are fitted and centred as MNIST's are.
 */
function inkLevels(strokes, height, width, centred) {
  const radius = INK_RADIUS * Math.min(height, width);
  let placed = strokes.map((stroke) => stroke.map(([x, y]) => [x * width, y * height]));
  if (centred && placed.length) {
    placed = boxed(placed, height, width, radius);
    placed = balanced(placed, height, width, radius);
  }
  const covered = coverage(placed, height, width, radius);
  return Uint8Array.from(covered, (share) => Math.round(255 * share));
}

/** Moves and scales strokes so that they fill the box in the middle of the image. */
function boxed(strokes, height, width, radius) {
  const points = strokes.flat();
  const [left, top] = [0, 1].map((axis) => Math.min(...points.map((point) => point[axis])));
  const [right, bottom] = [0, 1].map((axis) => Math.max(...points.map((point) => point[axis])));
  const room = BOX * Math.min(height, width) - 2 * radius;
  const scale = Math.min(room / Math.max(right - left, bottom - top, 1e-6), MOST_GROWN);
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  return moved(strokes, scale, width / 2 - scale * x, height / 2 - scale * y);
}

/** Moves strokes so that their centre of mass is the centre of the image. */
function balanced(strokes, height, width, radius) {
  const covered = coverage(strokes, height, width, radius);
  let [mass, x, y] = [0, 0, 0];
  covered.forEach((share, at) => {
    mass += share;
    x += share * ((at % width) + 0.5);
    y += share * (Math.floor(at / width) + 0.5);
  });
  return mass ? moved(strokes, 1, width / 2 - x / mass, height / 2 - y / mass) : strokes;
}

function moved(strokes, scale, right, down) {
  return strokes.map((stroke) => stroke.map(([x, y]) => [scale * x + right, scale * y + down]));
}

/** Returns the share of each pixel that round pens of a radius cover along the strokes. */
function coverage(strokes, height, width, radius) {
  const covered = new Float32Array(height * width);
  for (const stroke of strokes) {
    for (let at = 0; at < Math.max(stroke.length - 1, 1); at++) {
      const next = stroke[Math.min(at + 1, stroke.length - 1)];
      coverLine(covered, height, width, radius, stroke[at], next);
    }
  }
  return covered;
}

function coverLine(covered, height, width, radius, [ax, ay], [bx, by]) {
  const reach = radius + 0.5;
  const first = (value) => Math.max(Math.floor(value - reach), 0);
  const last = (value, most) => Math.min(Math.ceil(value + reach), most);
  const [dx, dy] = [bx - ax, by - ay];
  const squared = dx * dx + dy * dy || 1;
  for (let y = first(Math.min(ay, by)); y < last(Math.max(ay, by), height); y++) {
    for (let x = first(Math.min(ax, bx)); x < last(Math.max(ax, bx), width); x++) {
      const [px, py] = [x + 0.5 - ax, y + 0.5 - ay];
      const along = Math.min(Math.max((px * dx + py * dy) / squared, 0), 1);
      const share = reach - Math.hypot(px - along * dx, py - along * dy);
      const at = y * width + x;
      covered[at] = Math.max(covered[at], Math.min(Math.max(share, 0), 1));
    }
  }
}
