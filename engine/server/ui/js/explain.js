// How expressions came about: each part with the value that it had, and the two sides of each comparison.

import { h } from './dom.js';
import { line } from './format.js';
import { icon } from './icons.js';
import { valueView } from './json.js';

const SAID = { equals: 'is equal to', contains: 'contains', greater: 'is greater than', greaterOrEquals: 'is greater than or equal to', less: 'is less than',
  lessOrEquals: 'is less than or equal to', startsWith: 'starts with', endsWith: 'ends with' };

/** `[{name, source, value, parts}]`. */
export function expressionsView(all) {
  if (!all?.length) return null;
  return h('ul', { class: 'expressions' }, all.map((it) => h('li', {}, it.name ? h('code', { class: 'expression-name' }, it.name) : null, part(it, 0))));
}

function part(it, depth) {
  const head = [h('code', { class: 'source' }, it.source), result(it)];
  if (!it.parts?.length) return h('div', { class: 'part' }, head);
  const node = h('details', { class: 'part' }, h('summary', {}, head), h('div', { class: 'parts' }));
  // Parts are drawn when they are looked at.
  node.addEventListener('toggle', () => {
    const place = node.lastElementChild;
    if (node.open && !place.firstChild) place.append(...it.parts.map((one) => part(one, depth + 1)));
  });
  return node;
}

function result(it) {
  if (it.error !== undefined) return h('span', { class: 'result bad' }, icon('alert', 14), it.error);
  if (it.unevaluated) return h('span', { class: 'result muted' }, 'not evaluated');
  return h('span', { class: 'result' }, '→ ', value(it.value));
}

/** A value, of which the beginning may be all that is known. */
export function value(it) {
  if (it?.$preview !== undefined) return h('span', {}, h('span', { class: 'j-string' }, it.$preview), h('span', { class: 'muted' }, `… (${it.$bytes} bytes)`));
  if (it !== null && typeof it === 'object') {
    return 80 < JSON.stringify(it).length ? h('details', { class: 'inline' }, h('summary', {}, line(it, 60)), valueView(it, 1)) : h('code', {}, JSON.stringify(it));
  }
  return h('span', { class: typeof it === 'string' ? 'j-string' : 'j-number' }, typeof it === 'string' ? `“${it}”` : String(it));
}

/** A condition with what each of its comparisons saw. */
export function conditionView(it) {
  if (!it) return null;
  const holds = it.holds === undefined ? null : h('span', { class: `truth ${it.holds}` }, icon(it.holds ? 'check' : 'cross', 14), it.holds ? 'true' : 'false');
  const error = it.error === undefined ? null : h('span', { class: 'result bad' }, icon('alert', 14), it.error);
  if (it.is === 'and' || it.is === 'or' || it.is === 'not') {
    const title = { and: 'All of these', or: 'One of these', not: 'Not' }[it.is];
    return h('div', { class: 'condition' }, h('p', {}, holds, title, error), h('div', { class: 'condition-parts' }, it.of.map(conditionView)));
  }
  if (it.is === 'expression') return h('div', { class: 'condition' }, h('p', {}, holds, error), part(it.of[0], 0));
  const [left, right] = it.of;
  return h('div', { class: 'condition' }, h('p', { class: 'comparison' }, holds, side(left), h('em', {}, SAID[it.is] ?? it.is), side(right), error),
    [left, right].filter(hasParts).map((one) => part(one, 0)));
}

/** Whether the way to a value is worth a look: a path alone says nothing more. */
const hasParts = (it) => Boolean(it?.parts?.length) && !it.source.startsWith('$');

const side = (it) => h('span', { class: 'side-value', title: it.source ?? '' }, it.error !== undefined ? it.error : value(it.value), it.source ? h('code', { class: 'source small' }, it.source) : null);
