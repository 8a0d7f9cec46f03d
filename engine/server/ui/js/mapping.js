// A mapping file as a table. Each change is made in the text of the file, whose comments stay.

import { fill, h, later } from './dom.js';
import { post } from './api.js';
import { refused } from './editor.js';
import { icon } from './icons.js';
import { openPackage } from './package.js';
import { busy, button, complain, empty, failed, select, toast } from './parts.js';
import { flowPage } from './router.js';

const isMapping = (name) => name.endsWith('.mapping.yaml');

export async function render(root, { flow, editor, locked, signal, query }) {
  let own;
  try {
    own = await openPackage(flow.flow, signal);
  } catch (error) {
    fill(root, failed(error));
    return;
  }
  const names = [...own.files.keys()].filter(isMapping);
  if (!names.length) {
    fill(root, empty('map', 'This flow has no mappings', 'A mapping says which field of one system comes from which field of another. It is a file NAME.mapping.yaml beside the flow.'));
    return;
  }
  const state = { own, name: names.includes(query.file) ? query.file : names[0], found: [], editor, table: null };
  const [bar, message, place] = [h('div', { class: 'button-row' }), h('div', {}), h('div', {})];
  const check = later(300, async () => {
    const answer = await own.validate(signal).catch(() => null);
    if (!answer) return;
    state.found = answer.findings.filter((it) => (it.file ?? '').split('/').pop() === state.name);
    draw();
  });
  const edit = async (edits) => {
    try {
      const answer = await post('/api/v1/mappings/edit', { text: own.files.get(state.name), edits }, signal);
      own.set(state.name, answer.text);
      state.table = answer.table;
      check();
    } catch (error) {
      complain(error);
    }
    draw();
  };
  const load = async () => {
    state.table = await post('/api/v1/mappings/table', { text: own.files.get(state.name) }, signal);
    draw();
    check();
  };
  const reload = async () => { own.discard(); await render(root, { flow, editor, locked, signal, query }); };
  const save = (node) => busy(node, async () => {
    try {
      await own.save();
      fill(message);
      toast('Saved. The next event uses the new mapping.');
    } catch (error) {
      refused(error, message, reload);
    }
    draw();
  });
  const draw = () => {
    const focus = document.activeElement?.dataset?.cell;
    const saving = button('Save', 'check', () => save(saving), 'primary');
    saving.disabled = !own.isChanged;
    fill(bar, names.length > 1 ? chooser(names, state, load) : h('strong', {}, state.table.name), h('span', { class: 'muted' }, `${state.table.from ?? 'any source'} → ${state.table.to ?? 'any target'}`), h('span', { class: 'grow' }),
      h('a', { class: 'button', href: `${flowPage(flow.flow, 'edit')}?file=${encodeURIComponent(state.name)}` }, icon('code', 16), h('span', {}, 'As text')),
      own.isChanged ? button('Discard', null, reload) : null, editor ? saving : h('span', { class: 'muted' }, locked));
    fill(place, table(state, edit));
    if (focus) [...place.querySelectorAll('[data-cell]')].find((it) => it.dataset.cell === focus)?.focus();
  };
  fill(root, bar, message, place);
  await load();
}

function chooser(names, state, load) {
  const node = select(names.map((it) => [it, it.replace('.mapping.yaml', '')]), state.name, (name) => { state.name = name; state.found = []; load(); });
  node.setAttribute('aria-label', 'Mapping');
  return node;
}

function table(state, edit) {
  const { table: { fields, conversions, comparisons, findings }, editor } = state;
  const found = [...findings, ...state.found];
  return h('div', { class: 'scroll-x' }, h('table', { class: 'list mapping' },
    h('thead', {}, h('tr', {}, ['Target', 'Source', 'Conversion', 'Compare', 'If empty', 'Required', ''].map((it) => h('th', { scope: 'col' }, it || h('span', { class: 'hidden' }, 'Actions'))))),
    h('tbody', {}, fields.map((field, index) => row(field, { edit, editor, conversions, comparisons, found: unique(found.filter((it) => it.line >= field.line && it.line < (fields[index + 1]?.line ?? Infinity))) })),
      editor ? addRow(edit) : null)));
}

const unique = (found) => [...new Map(found.map((it) => [`${it.line}${it.message}`, it])).values()];

/** What the file says besides, for which the table has no column. */
const besides = ({ more = [], otherwise }) => [...more, ...(otherwise === undefined ? [] : ['otherwise'])];

function row(field, { edit, editor, conversions, comparisons, found }) {
  const { target } = field;
  const set = (setting, value) => edit([{ do: 'set', target, setting, value: value === '' ? null : value }]);
  const text = (setting, present, title, onchange) => h('input', { type: 'text', value: present ?? '', spellcheck: 'false', class: 'mono', 'aria-label': `${title} of ${target}`,
    'data-cell': `${setting} ${target}`, onchange: (event) => (event.target.value === (present ?? '') ? null : onchange(event.target.value)) });
  const choose = (setting, present, title, options) => {
    const all = options.map((it) => [it, it]);
    const node = select([['', setting === 'compare' ? 'exact' : '–'], ...all.filter(([it]) => it !== 'exact')], present ?? '', (value) => set(setting, value));
    node.setAttribute('aria-label', `${title} of ${target}`);
    node.dataset.cell = `${setting} ${target}`;
    return node;
  };
  if (!editor) return plainRow(field);
  const required = h('input', { type: 'checkbox', checked: field.required === 'true', 'aria-label': `${target} is required`, onchange: (event) => set('required', event.target.checked ? 'true' : '') });
  return h('tr', { class: found.some((it) => it.severity === 'error') ? 'has-error' : '' },
    h('td', { class: 'main-cell', 'data-label': 'Target' }, text('target', target, 'Name', (to) => edit([{ do: 'rename', target, to }])),
      found.map((it) => h('span', { class: `field-error ${it.severity}` }, icon('alert', 14), it.message)), besides(field).length ? h('span', { class: 'muted small' }, `also in the file: ${besides(field).join(', ')}`) : null),
    h('td', { 'data-label': 'Source' }, text('from', field.from, 'Source', (value) => set('from', value))),
    h('td', { 'data-label': 'Conversion' }, choose('as', field.as, 'Conversion', conversions)),
    h('td', { 'data-label': 'Compare' }, choose('compare', field.compare, 'Comparison', comparisons)),
    h('td', { 'data-label': 'If empty' }, text('default', field.default, 'Value if empty', (value) => set('default', value))),
    h('td', { 'data-label': 'Required' }, required),
    h('td', { class: 'actions' }, h('button', { type: 'button', class: 'icon-button', title: 'Remove', 'aria-label': `Remove ${target}`, onclick: () => edit([{ do: 'remove', target }]) }, icon('trash', 16))));
}

/** For whoever may only look. */
function plainRow({ target, from, as, compare, default: empty, required }) {
  const cell = (label, text) => h('td', { 'data-label': label }, text === undefined ? h('span', { class: 'muted' }, '–') : h('code', {}, text));
  return h('tr', {}, h('td', { class: 'main-cell' }, h('code', {}, target)), cell('Source', from), cell('Conversion', as), cell('Compare', compare), cell('If empty', empty),
    cell('Required', required === 'true' ? 'required' : undefined), h('td', {}));
}

function addRow(edit) {
  const target = h('input', { type: 'text', placeholder: 'New target', 'aria-label': 'New target', class: 'mono', spellcheck: 'false' });
  const from = h('input', { type: 'text', placeholder: 'Source, as in $.name', 'aria-label': 'New source', class: 'mono', spellcheck: 'false' });
  const add = button('Add', 'plus', () => { if (target.value.trim()) edit([{ do: 'add', target: target.value.trim(), from: from.value.trim() || 'null' }]); else target.focus(); });
  return h('tr', { class: 'add-row' }, h('td', { class: 'main-cell' }, target), h('td', { 'data-label': 'Source' }, from), h('td', { colspan: 5 }, add));
}

