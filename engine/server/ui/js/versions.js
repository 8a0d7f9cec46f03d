// The versions of a flow, and what changed between two of them.

import { fill, h } from './dom.js';
import { flowAddress, get, post, query as asQuery } from './api.js';
import { flowChanges, mappingChanges } from './changes.js';
import { ago, brief, moment } from './format.js';
import { commitLink, commitsOf } from './commits.js';
import { complain, empty, failed, skeleton } from './parts.js';

const TITLES = { added: 'Added', removed: 'Removed', changed: 'Changed', moved: 'Moved', renamed: 'Renamed' };

export async function render(root, { flow, signal }) {
  let versions;
  try {
    versions = (await get(flowAddress(flow.flow, '/versions'), signal)).value;
  } catch (error) {
    fill(root, failed(error));
    return;
  }
  const state = { from: versions[1]?.version ?? null, to: versions[0]?.version ?? null };
  const list = h('div', {});
  const place = h('div', { class: 'changes' });
  let commits = null;
  const draw = () => {
    fill(list, h('table', { class: 'list versions' }, h('thead', {}, h('tr', {}, ['Version', 'Saved', ...(commits ? ['Commit'] : []), 'From', 'To'].map((it) => h('th', { scope: 'col' }, it)))),
      h('tbody', {}, versions.map((it) => h('tr', {}, h('td', { class: 'main-cell' }, h('code', { title: it.version }, brief(it.version, 7)), it.current ? h('span', { class: 'chip small' }, 'present') : null),
        h('td', { title: moment(it.storedTime), 'data-label': 'Saved' }, ago(it.storedTime)),
        commits ? h('td', { 'data-label': 'Commit' }, commits.get(it.version) ? commitLink(commits.get(it.version)) : h('span', { class: 'muted' }, 'not committed')) : null,
        ['from', 'to'].map((end) => h('td', { 'data-label': end === 'from' ? 'From' : 'To' }, h('input', { type: 'radio', name: end, checked: state[end] === it.version, 'aria-label': `${end === 'from' ? 'From' : 'To'} version ${brief(it.version, 7)}`,
          onchange: () => { state[end] = it.version; show(); } }))))))));
  };
  const show = async () => {
    if (!state.from || state.from === state.to) {
      fill(place, empty('history', 'Nothing to compare', versions.length < 2 ? 'This flow has only one version so far. Another one is there as soon as its files are saved.' : 'Choose two different versions.'));
      return;
    }
    fill(place, skeleton(4));
    try {
      fill(place, await compared(flow.flow, state, signal));
    } catch (error) {
      complain(error);
      fill(place, failed(error, show));
    }
  };
  draw();
  fill(root, h('div', { class: 'columns versions' }, list, place));
  commitsOf(flow.flow, null, signal).then((found) => {
    commits = found;
    draw();
  });
  await show();
}

async function compared(flow, { from, to }, signal) {
  const source = async (version) => new Map((await get(flowAddress(flow, `/source${asQuery({ version })}`), signal)).files.map((it) => [it.name.split('/').pop(), it.text]));
  const [old, now] = await Promise.all([source(from), source(to)]);
  const outline = (files) => post('/api/v1/outline', { text: files.values().next().value ?? '' }, signal);
  const table = (text) => (text === undefined ? null : post('/api/v1/mappings/table', { text }, signal));
  const changes = flowChanges(...await Promise.all([outline(old), outline(now)]));
  const mappings = [...new Set([...old.keys(), ...now.keys()])].filter((it) => it.endsWith('.mapping.yaml') && old.get(it) !== now.get(it));
  for (const name of mappings) {
    changes.push(...mappingChanges(name.replace('.mapping.yaml', ''), ...await Promise.all([table(old.get(name)), table(now.get(name))])));
  }
  const lines = await get(flowAddress(flow, `/diff${asQuery({ from, to })}`), signal).catch(() => null);
  return h('div', {}, h('h2', {}, 'What changed'),
    changes.length ? h('ul', { class: 'change-list' }, changes.map(change)) : h('p', { class: 'muted' }, 'Nothing that a run would notice: only comments, layout or order.'),
    lines?.files.filter((it) => it.diff).map((it) => h('details', { class: 'diff' }, h('summary', {}, h('code', {}, it.name), ' line by line'), h('pre', { class: 'code' }, it.diff.split('\n').map(diffLine)))));
}

const diffLine = (line) => h('span', { class: { '+': 'plus', '-': 'minus', '@': 'muted' }[line[0]] ?? '' }, `${line}\n`);

function change({ what, kind, name, before, after }) {
  const isShort = kind === 'moved' || kind === 'renamed';
  return h('li', { class: `change ${kind}` }, h('p', {}, h('span', { class: `chip small ${kind}` }, TITLES[kind]), h('span', { class: 'muted' }, what), ' ', h('strong', {}, name)),
    isShort ? h('p', { class: 'small' }, `${before} → ${after}`) : h('div', { class: 'before-after' }, before ? h('pre', { class: 'code minus' }, before) : null, after ? h('pre', { class: 'code plus' }, after) : null));
}
