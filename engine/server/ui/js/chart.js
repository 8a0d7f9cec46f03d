// Runs over time as stacked bars; failed ones are hatched as well as red.

import { h, svg, unique } from './dom.js';
import { number, shortMoment } from './format.js';

const HEIGHT = 88;
const KINDS = [['succeeded', 'Succeeded', 'good'], ['running', 'Running or paused', 'busy'], ['cancelled', 'Cancelled or skipped', 'quiet'], ['failed', 'Failed', 'bad']];
const sum = (bucket) => KINDS.reduce((all, [name]) => all + bucket[name], 0);

/** `choose(from, until)` is called with the times of a bar that was pressed. */
export function bars({ value, until }, choose) {
  const most = Math.max(1, ...value.map(sum));
  const hatch = unique('hatch');
  const width = 1000 / value.length;
  const drawing = svg('svg', { class: 'bars', viewBox: `0 0 1000 ${HEIGHT}`, preserveAspectRatio: 'none', role: 'group', onkeydown: move,
    'aria-label': `Runs from ${shortMoment(value[0]?.startTime)}: ${KINDS.map(([name, title]) => `${number(total(value, name))} ${title.toLowerCase()}`).join(', ')}` },
    svg('defs', {}, svg('pattern', { id: hatch, width: 8, height: 8, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
      svg('rect', { width: 8, height: 8, class: 'fill-bad' }), svg('rect', { width: 3, height: 8, class: 'fill-hatch' }))),
    value.map((bucket, index) => bar(bucket, index, { width, most, hatch, end: value[index + 1]?.startTime ?? until, choose })));
  const legend = h('ul', { class: 'legend' }, KINDS.map(([name, title, tone]) => h('li', {}, h('span', { class: `swatch ${tone}` }), `${title} `, h('strong', {}, count(value, name)))));
  const axis = h('div', { class: 'axis' }, h('span', {}, shortMoment(value[0]?.startTime)), h('span', {}, shortMoment(until)));
  return h('figure', { class: 'chart' }, drawing, axis, legend);
}

const total = (value, name) => value.reduce((all, it) => all + it[name], 0);
function move(event) {
  const bar = event.target.closest('.bar');
  if (!bar) return;
  if (event.key === 'Enter' || event.key === ' ') {
    event.preventDefault();
    bar.dispatchEvent(new MouseEvent('click'));
    return;
  }
  const next = { ArrowLeft: bar.previousElementSibling, ArrowRight: bar.nextElementSibling }[event.key];
  if (!next?.classList.contains('bar')) return;
  event.preventDefault();
  bar.setAttribute('tabindex', '-1');
  next.setAttribute('tabindex', '0');
  next.focus();
}

/** A bucket that is full says that there may be more. */
const count = (value, name) => `${number(total(value, name))}${value.some((it) => it[name] >= 1_000) ? '+' : ''}`;

function bar(bucket, index, { width, most, hatch, end, choose }) {
  let top = HEIGHT;
  const parts = KINDS.map(([name, , tone]) => {
    if (!bucket[name]) return null;
    const size = Math.max(2, (bucket[name] / most) * (HEIGHT - 8));
    top -= size;
    return svg('rect', { x: index * width + width * 0.12, y: top, width: width * 0.76, height: size, class: `fill-${tone}`, fill: name === 'failed' ? `url(#${hatch})` : null });
  });
  const title = `${shortMoment(bucket.startTime)}: ${KINDS.filter(([name]) => bucket[name]).map(([name, text]) => `${number(bucket[name])} ${text.toLowerCase()}`).join(', ') || 'no runs'}`;
  // One of them is reached by Tab, the others from there by arrow keys.
  return svg('g', { class: 'bar', role: 'button', tabindex: index ? '-1' : '0', 'aria-label': title, onclick: () => choose(bucket.startTime, end) },
    svg('rect', { x: index * width, y: 0, width, height: HEIGHT, class: 'bar-back' }), parts, svg('title', {}, title));
}
