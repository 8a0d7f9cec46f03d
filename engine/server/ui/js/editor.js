// The files of a flow as text: checked while one types, with quick fixes; drawn beside it; saved into the project.

import { fill, h, later } from './dom.js';
import { post } from './api.js';
import { chain, triggerCards } from './cards.js';
import { plural } from './format.js';
import { icon } from './icons.js';
import { applyEdits, openPackage } from './package.js';
import { busy, button, confirm, failed, notice, skeleton, toast } from './parts.js';
import { yamlField } from './textarea.js';

export async function render(root, { flow, editor, locked, signal, query }) {
  let own;
  try {
    own = await openPackage(flow.flow, signal);
  } catch (error) {
    fill(root, failed(error));
    return;
  }
  const state = { own, name: own.files.has(query.file) ? query.file : [...own.files.keys()][0], isDrawn: innerWidth > 1100 };
  const found = h('div', { class: 'findings', 'aria-live': 'polite' });
  const drawing = h('section', { class: 'preview', 'aria-label': 'The flow as it is written' });
  const bar = h('div', { class: 'button-row' });
  const message = h('div', {});
  const text = yamlField('The file', (typed) => { own.set(state.name, typed); changed(); });
  const check = later(450, async () => {
    try {
      const answer = await own.validate(signal);
      text.mark(answer.findings.filter((it) => isOf(it, state.name)));
      fill(found, findings(answer.findings, state, { apply, open }));
    } catch (error) {
      if (error.name !== 'AbortError') fill(found, notice('warn', 'This could not be checked', error.message));
    }
  });
  const redraw = later(350, async () => {
    drawing.hidden = !state.isDrawn;
    if (!state.isDrawn) return;
    const outline = await post('/api/v1/outline', { text: own.files.get([...own.files.keys()][0]) }, signal).catch(() => null);
    if (!outline) return;
    const steps = chain(outline.actions, (card) => ({ select: () => { open({ file: [...own.files.keys()][0], line: card.line, column: 1 }); } }));
    steps.prepend(...triggerCards(outline.triggers));
    fill(drawing, steps);
  });
  const changed = () => { buttons(); check(); redraw(); };
  const show = () => { text.set(own.files.get(state.name)); changed(); };
  const open = ({ file, line, column }) => {
    const name = (file ?? state.name).split('/').pop();
    if (own.files.has(name) && name !== state.name) {
      state.name = name;
      show();
    }
    text.at(line, column);
  };
  const apply = (finding, fix) => {
    const name = finding.file.split('/').pop();
    own.set(name, applyEdits(own.files.get(name), fix.edits));
    state.name = name;
    show();
    toast(fix.title);
  };
  const save = (node) => busy(node, async () => {
    try {
      const answer = await own.save();
      fill(message);
      toast(answer.deployed === false ? 'Saved; new events go to it within seconds' : 'Saved');
      changed();
    } catch (error) {
      refused(error, message, () => reload());
    }
  });
  const reload = async () => { own.discard(); await render(root, { flow, editor, locked, signal, query }); };
  const buttons = () => fill(bar,
    h('div', { class: 'segments files', role: 'group', 'aria-label': 'Files' }, [...own.files.keys()].map((name) => h('button', { type: 'button', class: 'segment', 'aria-pressed': String(name === state.name),
      onclick: () => { state.name = name; show(); } }, name, own.files.get(name) === own.saved.get(name) ? '' : ' •'))),
    h('span', { class: 'grow' }),
    button(state.isDrawn ? 'Hide drawing' : 'Show drawing', 'flows', () => { state.isDrawn = !state.isDrawn; layout.classList.toggle('with-preview', state.isDrawn); buttons(); redraw(); }),
    own.isChanged ? button('Discard', null, async () => { if (await confirm({ title: 'Discard the changes?', text: 'What was typed since the last save is lost.', action: 'Discard' })) await reload(); }) : null,
    editor ? saveButton(own, save) : h('span', { class: 'muted' }, locked));
  text.area.addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key !== 's') return;
    event.preventDefault();
    bar.querySelector('.primary:not(:disabled)')?.click();
  });
  const layout = h('div', { class: `editor ${state.isDrawn ? 'with-preview' : ''}` }, h('div', { class: 'editor-main' }, text.node, found), drawing);
  drawing.hidden = !state.isDrawn;
  fill(drawing, skeleton(6));
  fill(root, bar, message, layout);
  if (own.isRestored) fill(message, notice('info', 'Your unsaved changes are here again', 'They were kept in this browser tab.'));
  const guard = (event) => { if (own.isChanged) event.preventDefault(); };
  window.addEventListener('beforeunload', guard);
  signal.addEventListener('abort', () => window.removeEventListener('beforeunload', guard));
  show();
  if (query.line) text.at(Number(query.line), 1);
}

function saveButton(own, save) {
  const node = button('Save', 'check', () => save(node), 'primary');
  node.disabled = !own.isChanged;
  return node;
}

/** Why a save was refused, and what can be done about it. */
export function refused(error, place, reload) {
  const isConflict = error.code === 'VersionConflict';
  const all = error.body?.findings ?? [];
  fill(place, notice('bad', isConflict ? 'Somebody else has saved this flow meanwhile' : 'Not saved', isConflict ? 'Your text is still here. Copy what you need, then load the present version.' : error.message,
    all.length ? h('ul', { class: 'plain-list' }, all.filter((it) => it.severity === 'error').slice(0, 5).map((it) => h('li', {}, `${it.file}, line ${it.line}: ${it.message}`))) : null,
    isConflict ? button('Load the present version', 'refresh', reload) : null));
}

const isOf = (finding, name) => (finding.file ?? '').split('/').pop() === name;

function findings(all, state, { apply, open }) {
  const count = (severity) => all.filter((it) => it.severity === severity).length;
  if (!all.length) return h('p', { class: 'all-well' }, icon('check', 16), ' No problems');
  const order = { error: 0, warning: 1, info: 2 };
  return [h('p', { class: 'small strong' }, `${plural(count('error'), 'error')}, ${plural(count('warning'), 'warning')}`),
    h('ul', { class: 'finding-list' }, [...all].sort((a, b) => order[a.severity] - order[b.severity] || a.line - b.line).map((it) => h('li', { class: it.severity },
      h('button', { type: 'button', class: 'finding', onclick: () => open(it) }, icon(it.severity === 'error' ? 'cross' : it.severity === 'warning' ? 'alert' : 'info', 16),
        h('span', { class: 'grow' }, h('span', { class: 'hidden' }, `${it.severity}: `), it.message, it.hint ? h('span', { class: 'muted' }, ` – ${it.hint}`) : null),
        h('span', { class: 'muted small' }, isOf(it, state.name) ? `line ${it.line}` : `${it.file.split('/').pop()}:${it.line}`, ` ${it.slug}`)),
      (it.fixes ?? []).map((fix) => button(fix.title, 'bolt', () => apply(it, fix), 'small-button')))))];
}
