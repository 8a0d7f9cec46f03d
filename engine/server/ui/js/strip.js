// The passes of a loop as a strip of cells. Only what can be seen is drawn, so a hundred thousand are no more work than ten.

import { fill, h } from './dom.js';
import { number, span } from './format.js';
import { icon } from './icons.js';
import { ofLetter, word } from './status.js';

const CELL = 10;
const GAP = 2;
const ROW = 18;
const BAD = new Set(['f', 't']);

/** `choose(pass)` is called with the pass that is to be shown. */
export function passes(loop, present, choose) {
  const { strip } = loop;
  const counts = {};
  for (const letter of strip) counts[letter] = (counts[letter] ?? 0) + 1;
  const bad = (counts.f ?? 0) + (counts.t ?? 0);
  const state = { at: present, only: '', shown: null };
  const cells = grid(strip, state, (pass) => select(pass));
  const place = h('span', { class: 'pass-status' });
  const input = h('input', { type: 'text', inputmode: 'numeric', class: 'pass-number', 'aria-label': 'Iteration', onchange: () => select(Number.parseInt(input.value, 10) - 1) });
  const step = (shape, title, find) => h('button', { type: 'button', class: 'icon-button', title, 'aria-label': title, onclick: () => { const next = find(); if (0 <= next) select(next); } }, icon(shape, 16));
  const next = (from, by) => {
    for (let pass = from; 0 <= pass && pass < strip.length; pass += by) if (!state.only || state.only === 'bad' === BAD.has(strip[pass])) return pass;
    return -1;
  };
  const select = (pass) => {
    if (Number.isNaN(pass)) return show();
    state.at = Math.min(Math.max(0, pass), strip.length - 1);
    show();
    choose(state.at);
    return undefined;
  };
  const show = () => {
    input.value = number(state.at + 1);
    fill(place, `of ${number(strip.length)} · ${word(ofLetter(strip[state.at]))}`);
    cells.show();
  };
  const only = (name, title) => h('button', { type: 'button', class: 'segment', 'aria-pressed': String(state.only === name), onclick: (event) => {
    state.only = name;
    for (const it of event.target.closest('.segments').children) it.setAttribute('aria-pressed', String(it === event.target));
    const first = name && !BAD.has(strip[state.at]) ? next(0, 1) : state.at;
    if (first !== state.at && 0 <= first) select(first);
    else show();
  } }, title);
  const root = h('div', { class: 'loop' },
    h('div', { class: 'loop-head' }, step('back', 'Previous iteration', () => next(state.at - 1, -1)), input, place,
      step('chevron', 'Next iteration', () => next(state.at + 1, 1)),
      bad ? h('span', { class: 'segments' }, only('', 'All'), only('bad', `Failed (${number(bad)})`)) : null,
      h('span', { class: 'grow' }), h('span', { class: 'muted small' }, timing(loop))), cells.node);
  requestAnimationFrame(show);
  return root;
}

const timing = ({ passes: count, totalMs, slowestMs, slowest }) => (count < 2 ? '' : `average ${span(totalMs / count)}, slowest ${span(slowestMs)} (${number(slowest + 1)})`);

function grid(strip, state, select) {
  const canvas = h('canvas', { class: 'strip-canvas' });
  const room = h('div', { class: 'strip-room' }, canvas);
  const node = h('div', { class: 'strip', tabindex: '0', role: 'slider', 'aria-label': 'Iterations', 'aria-valuemin': '1', 'aria-valuemax': String(strip.length) }, room);
  const columns = () => Math.max(1, Math.floor((node.clientWidth - 4) / (CELL + GAP)));
  const shown = () => {
    if (state.only !== 'bad') return null;
    state.shown ??= Uint32Array.from([...strip].flatMap((letter, pass) => (BAD.has(letter) ? [pass] : [])));
    return state.shown;
  };
  const size = () => {
    const count = shown()?.length ?? strip.length;
    const rows = Math.ceil(count / columns());
    room.style.setProperty('height', `${rows * ROW}px`);
    node.style.setProperty('height', `${Math.min(4, Math.max(1, rows)) * ROW + 4}px`);
  };
  const draw = () => {
    const list = shown();
    const count = list?.length ?? strip.length;
    const wide = columns();
    const height = node.clientHeight;
    if (!height) return;
    const scale = devicePixelRatio || 1;
    const top = node.scrollTop;
    const width = wide * (CELL + GAP);
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
      canvas.style.setProperty('width', `${width}px`);
      canvas.style.setProperty('height', `${height}px`);
    }
    canvas.style.setProperty('transform', `translateY(${top}px)`);
    paint(canvas, { strip, list, count, wide, top, height, scale, at: state.at });
  };
  const show = () => {
    size();
    const list = shown();
    const index = list ? list.indexOf(state.at) : state.at;
    const row = Math.floor(Math.max(0, index) / columns()) * ROW;
    if (row < node.scrollTop || node.scrollTop + node.clientHeight < row + ROW) node.scrollTop = Math.max(0, row - ROW);
    node.setAttribute('aria-valuenow', String(state.at + 1));
    node.setAttribute('aria-valuetext', `Iteration ${state.at + 1} of ${strip.length}, ${word(ofLetter(strip[state.at]))}`);
    draw();
  };
  node.addEventListener('scroll', draw, { passive: true });
  new ResizeObserver(() => { size(); draw(); }).observe(node);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  canvas.addEventListener('click', (event) => {
    const box = canvas.getBoundingClientRect();
    const index = Math.floor((event.clientY - box.top + node.scrollTop) / ROW) * columns() + Math.floor((event.clientX - box.left) / (CELL + GAP));
    const list = shown();
    const pass = list ? list[index] : index;
    if (pass !== undefined && pass < strip.length) select(pass);
  });
  node.addEventListener('keydown', (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns(), Home: -strip.length, End: strip.length }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const list = shown();
    if (list) select(list[Math.min(Math.max(0, list.indexOf(state.at) + by), list.length - 1)]);
    else select(state.at + by);
  });
  return { node, show };
}

/** Every status has a shape of its own besides its colour. */
function paint(canvas, { strip, list, count, wide, top, height, scale, at }) {
  const context = canvas.getContext('2d');
  const colour = getComputedStyle(canvas);
  const tone = (name) => colour.getPropertyValue(name).trim();
  const colours = { s: tone('--good'), f: tone('--bad'), t: tone('--bad'), k: tone('--quiet'), c: tone('--quiet'), r: tone('--accent') };
  context.setTransform(scale, 0, 0, scale, 0, -top * scale);
  context.clearRect(0, top, canvas.width, height + ROW);
  const first = Math.floor(top / ROW) * wide;
  const end = Math.min(count, (Math.ceil((top + height) / ROW) + 1) * wide);
  for (let index = first; index < end; index++) {
    const pass = list ? list[index] : index;
    const letter = strip[pass];
    const x = (index % wide) * (CELL + GAP) + 1;
    const y = Math.floor(index / wide) * ROW + 2;
    context.fillStyle = colours[letter] ?? colours.k;
    if (BAD.has(letter)) context.fillRect(x, y, CELL, ROW - 4);
    else if (letter === 's') context.fillRect(x, y + 4, CELL, ROW - 10);
    else context.fillRect(x, y + 6, CELL, 3);
    if (BAD.has(letter)) {
      context.strokeStyle = tone('--surface');
      context.lineWidth = 1.5;
      context.beginPath();
      context.moveTo(x + 2.5, y + 4.5);
      context.lineTo(x + CELL - 2.5, y + 9.5);
      context.moveTo(x + CELL - 2.5, y + 4.5);
      context.lineTo(x + 2.5, y + 9.5);
      context.stroke();
    }
    if (pass === at) {
      context.strokeStyle = tone('--text');
      context.lineWidth = 2;
      context.strokeRect(x - 0.5, y - 0.5, CELL + 1, ROW - 3);
    }
  }
}
