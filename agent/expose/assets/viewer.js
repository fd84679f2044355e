// The slice of a case: images, window, zoom, and a cross that goes along on the CT. Everything here can be had by the form
// below the picture, too. The page may exchange what it shows: nothing is kept but in the elements themselves.
const viewer = () => document.querySelector('figure[data-viewer]');
const partner = () => document.querySelector('figure[data-slice="CT"]');
const number = (figure, name) => Number(figure.dataset[name]);

let wanted = null;
let isLoading = false;

/** One picture at a time: while one is on its way, only the newest wish is remembered. */
function show(figure) {
  const { viewer: source, image, center, width, own } = figure.dataset;
  wanted = `${source}&image=${image}${own ? '' : `&center=${center}&width=${width}`}`;
  if (!isLoading) void load(figure);
}

async function load(figure) {
  isLoading = true;
  while (wanted !== null) {
    const address = wanted;
    wanted = null;
    const picture = new Image();
    picture.src = address;
    try {
      await picture.decode();
      figure.querySelector('image').setAttribute('href', address);
    } catch {
      figure.querySelector('output').textContent = 'This image cannot be shown';
    }
  }
  isLoading = false;
}

function turn(figure, by) {
  const image = Math.min(number(figure, 'images'), Math.max(1, number(figure, 'image') + by));
  figure.dataset.image = image;
  figure.querySelector('output').textContent = `Image ${image} of ${figure.dataset.images}`;
  for (const box of figure.querySelectorAll('.box'))
    box.classList.toggle('elsewhere', Number(box.dataset.image) !== image);
  field('image', image);
  show(figure);
}

function shade(figure, byCenter, byWidth) {
  const width = Math.max(1, number(figure, 'width') * (1 + byWidth));
  const center = number(figure, 'center') + byCenter * number(figure, 'width');
  figure.dataset.width = width.toFixed(1);
  figure.dataset.center = center.toFixed(1);
  figure.dataset.own = '';
  field('center', figure.dataset.center);
  field('width', figure.dataset.width);
  show(figure);
}

function field(name, value) {
  const input = document.querySelector(`form.viewing [name="${name}"]`);
  if (input) input.value = value;
}

const boxOf = (figure) => figure.querySelector('svg').getAttribute('viewBox').split(' ').map(Number);

function place(figure, [x, y, width, height]) {
  const [wholeWidth, wholeHeight] = figure.dataset.size.split(' ').map(Number);
  const within = (at, part, whole) => Math.min(whole - part, Math.max(0, at));
  const box = [within(x, width, wholeWidth), within(y, height, wholeHeight), width, height];
  figure.querySelector('svg').setAttribute('viewBox', box.join(' '));
}

function zoom(figure, factor) {
  const [x, y, width, height] = boxOf(figure);
  const [wholeWidth] = figure.dataset.size.split(' ').map(Number);
  const by = Math.min(wholeWidth / width, Math.max(wholeWidth / 8 / width, factor));
  place(figure, [x + (width * (1 - by)) / 2, y + (height * (1 - by)) / 2, width * by, height * by]);
}

function pan(figure, across, down) {
  const [x, y, width, height] = boxOf(figure);
  place(figure, [x + across * width, y + down * height, width, height]);
}

function whole(figure) {
  figure.dataset.own = 'yes';
  field('center', '');
  field('width', '');
  place(figure, [0, 0, ...figure.dataset.size.split(' ').map(Number)]);
  for (const each of [figure, partner()]) draw(each, null);
  show(figure);
}

function draw(figure, point) {
  const cross = figure?.querySelector('.cross');
  if (!cross) return;
  cross.classList.toggle('there', point !== null);
  if (!point) return;
  const [across, down] = cross.children;
  const line = (element, values) => {
    for (const [name, value] of Object.entries(values)) element.setAttribute(name, value);
  };
  const [x, y] = point;
  line(across, { x1: x - 400, x2: x + 400, y1: y, y2: y });
  line(down, { x1: x, x2: x, y1: y - 400, y2: y + 400 });
}

function cross(figure, point) {
  draw(figure, point);
  draw(partner(), along(discsOf(figure), discsOf(partner()), point));
}

const discsOf = (figure) => JSON.parse(figure?.dataset.discs ?? '{}');

/** The same place of the other spine: by the two nearest discs that both show, millimetre for millimetre across them. */
export function along(from, to, [x, y]) {
  const levels = Object.keys(from).filter((level) => to[level]);
  if (levels.length < 2) return null;
  const away = (level) => Math.hypot(from[level][0] - x, from[level][1] - y);
  const [a, b] = levels.toSorted((one, other) => away(one) - away(other));
  const axis = (discs) => {
    const [dx, dy] = [discs[b][0] - discs[a][0], discs[b][1] - discs[a][1]];
    const length = Math.hypot(dx, dy) || 1;
    return { origin: discs[a], length, along: [dx / length, dy / length] };
  };
  const [one, other] = [axis(from), axis(to)];
  const [dx, dy] = [x - one.origin[0], y - one.origin[1]];
  const share = (dx * one.along[0] + dy * one.along[1]) / one.length;
  const off = dx * -one.along[1] + dy * one.along[0];
  return [
    other.origin[0] + share * other.length * other.along[0] - off * other.along[1],
    other.origin[1] + share * other.length * other.along[1] + off * other.along[0],
  ];
}

function pointAt(figure, { clientX, clientY }) {
  const svg = figure.querySelector('svg');
  const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(svg.getScreenCTM().inverse());
  return [x, y];
}

const STEP = 0.05;
const KEYS = {
  ArrowUp: (figure) => turn(figure, -1),
  ArrowDown: (figure) => turn(figure, 1),
  ArrowLeft: (figure) => shade(figure, STEP, 0),
  ArrowRight: (figure) => shade(figure, -STEP, 0),
  '[': (figure) => shade(figure, 0, -2 * STEP),
  ']': (figure) => shade(figure, 0, 2 * STEP),
  '+': (figure) => zoom(figure, 0.8),
  '=': (figure) => zoom(figure, 0.8),
  '-': (figure) => zoom(figure, 1.25),
  0: whole,
};
const MOVES = {
  ArrowUp: [0, -0.1],
  ArrowDown: [0, 0.1],
  ArrowLeft: [-0.1, 0],
  ArrowRight: [0.1, 0],
};

document.addEventListener('keydown', (event) => {
  const figure = viewer();
  if (!figure || document.activeElement !== figure) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const move = event.shiftKey && MOVES[event.key];
  const disc = Object.values(discsOf(figure))[Number(event.key) - 1];
  const act = KEYS[event.key];
  if (!move && !disc && !act) return;
  event.preventDefault();
  if (move) pan(figure, ...move);
  else if (disc) cross(figure, disc);
  else act(figure);
});

let drag = null;

document.addEventListener('pointerdown', (event) => {
  const figure = event.target.closest?.('figure[data-viewer]');
  if (!figure || event.button !== 0) return;
  event.preventDefault();
  figure.focus({ preventScroll: true });
  drag = { figure, x: event.clientX, y: event.clientY, hasMoved: false };
});

document.addEventListener('pointermove', (event) => {
  if (!drag) return;
  const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
  if (!drag.hasMoved && Math.hypot(dx, dy) < 4) return;
  shade(drag.figure, dy / 300, dx / 300);
  Object.assign(drag, { x: event.clientX, y: event.clientY, hasMoved: true });
});

document.addEventListener('pointerup', (event) => {
  if (drag && !drag.hasMoved) cross(drag.figure, pointAt(drag.figure, event));
  drag = null;
});

// The wheel turns images only where somebody is at work on the picture: elsewhere it scrolls the page.
document.addEventListener(
  'wheel',
  (event) => {
    const figure = event.target.closest?.('figure[data-viewer]');
    if (!figure || document.activeElement !== figure) return;
    event.preventDefault();
    if (event.ctrlKey) zoom(figure, event.deltaY > 0 ? 1.25 : 0.8);
    else turn(figure, event.deltaY > 0 ? 1 : -1);
  },
  { passive: false },
);
