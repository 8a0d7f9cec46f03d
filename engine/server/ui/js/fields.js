// Mapping before and after: each field with where it comes from, what was there and what it became.

import { h } from './dom.js';
import { icon } from './icons.js';
import { value } from './explain.js';

/** The fields that a `map` made; `compared` is what the same fields were before, if that was looked at. */
export function fieldsTable(mapping, compared) {
  if (!mapping) return null;
  const before = compared?.before;
  const heads = ['Field', ...(before ? ['Old value'] : []), 'New value', ...(before ? ['Changed'] : [])];
  return wide(h('table', { class: 'small-table fields' },
    h('thead', {}, h('tr', {}, heads.map((it) => h('th', { scope: 'col' }, it)))),
    h('tbody', {}, mapping.fields.map((it) => h('tr', { class: it.isLeftOut ? 'is-quiet' : '' },
      h('td', {}, h('code', {}, it.target), h('div', { class: 'small' }, h('code', { class: 'source' }, it.source), it.conversion ? h('span', { class: 'chip small' }, it.conversion) : null), was(it)),
      before ? h('td', {}, it.target in before ? value(before[it.target]) : h('span', { class: 'muted' }, '–')) : null,
      h('td', {}, made(it)),
      before ? h('td', {}, changed(compared.changed.includes(it.target))) : null)))));
}

/** What may be wider than its place is moved by keyboard, too. */
const wide = (table) => h('div', { class: 'scroll-x', tabindex: '0', role: 'region', 'aria-label': 'Fields' }, table);

/** What was read, if that is not what was made. */
function was({ from, value: made }) {
  if (from === null || from === undefined || JSON.stringify(from) === JSON.stringify(made)) return null;
  return h('div', { class: 'muted small' }, 'read: ', value(from));
}

function made({ error, isLeftOut, value: it }) {
  if (error) return h('span', { class: 'result bad' }, icon('alert', 14), error);
  return isLeftOut ? h('span', { class: 'muted' }, 'left out: its “when” was false') : value(it);
}

const changed = (is) => (is ? h('strong', { class: 'changed' }, icon('edit', 14), 'changed') : h('span', { class: 'muted' }, 'same'));

/** What a `compare` found. */
export function comparisonTable({ inputs, outputs }) {
  const found = outputs?.value?.body?.fields;
  if (!found) return null;
  const [after, before] = [inputs?.value?.compare, inputs?.value?.with];
  const differs = new Map(found.map((it) => [it.field, it]));
  const names = [...new Set([...differs.keys(), ...Object.keys(after ?? {})])];
  return wide(h('table', { class: 'small-table' },
    h('thead', {}, h('tr', {}, ['Field', 'Old value', 'New value', 'Changed'].map((it) => h('th', { scope: 'col' }, it)))),
    h('tbody', {}, names.map((name) => h('tr', {}, h('td', {}, h('code', {}, name)), h('td', {}, value(differs.get(name)?.before ?? before?.[name] ?? null)),
      h('td', {}, value(differs.get(name)?.after ?? after?.[name] ?? null)), h('td', {}, changed(differs.has(name))))))));
}
