// The page of one run: the flow as cards with what became of each, where it failed first, live while it goes on.

import { fill, h } from './dom.js';
import { get, may, post, query as asQuery, runAddress } from './api.js';
import { showAction, showTrigger } from './action.js';
import { tree } from './runtree.js';
import { ago, brief, moment, took } from './format.js';
import { icon } from './icons.js';
import { journal } from './journal.js';
import { live, openedRun, save } from './source.js';
import { follow } from './live.js';
import { busy, button, confirm, copyButton, empty, notice, skeleton, tabs, toast } from './parts.js';
import { flowPage, rename, runPage, to } from './router.js';
import { again } from './again.js';
import { badge, isOpen } from './status.js';
import { timeline } from './timeline.js';

export async function render(root, { segments, query, signal, title }) {
  const source = segments[0] === 'file' ? openedRun() : live(segments[0], signal);
  if (!source) {
    fill(root, empty('runs', 'No file is open', 'Choose “Open a downloaded run” on the page of the run history.', h('a', { href: '#/runs' }, 'Run history')));
    return;
  }
  const id = segments[0];
  const view = query.view ?? '';
  const page = { id, view, source, signal, run: null, selected: query.action ?? null, isOffered: Boolean(query.action), operator: source.isLive && await may('operator'),
    folds: new Map(), passes: new Map(), drawn: new Map() };
  page.run = await source.tree();
  title(`${page.run.flowName}, ${page.run.status}`);
  const head = h('div', {});
  const body = h('div', { class: 'run-body' });
  const detail = h('aside', { class: 'detail', 'aria-label': 'Details of the action' });
  page.open = (node) => open(page, node, detail);
  fill(root, head, tabs('Views of the run', [['', 'Actions', runPage(id)], ['timeline', 'Timeline', runPage(id, { view: 'timeline' })],
    ['journal', 'Journal', runPage(id, { view: 'journal' })]], view),
  view === 'journal' ? body : h('div', { class: 'columns run' }, body, detail));
  const draw = () => {
    drawHead(page, head);
    if (view === 'timeline') fill(body, timeline(page.run, (node) => page.open(node)));
    else if (view === '') fill(body, tree(page));
  };
  draw();
  if (view === 'journal') journal(body, page);
  else {
    fill(detail, h('p', { class: 'muted' }, 'Choose an action to see what went in and what came out.'));
    begin(page);
  }
  if (source.isLive && isOpen(page.run.status)) {
    follow(id, signal, async () => {
      page.run = await source.tree();
      draw();
      page.onchange?.();
      if (!isOpen(page.run.status)) begin(page);
      return isOpen(page.run.status);
    });
  }
}

/** Shows what the address names, else the first action that failed. */
function begin(page) {
  if (page.selected !== null && page.isOffered) page.open({ path: page.selected });
  else if (page.run.failedAt && page.selected === null && !isNarrow()) page.open({ path: page.run.failedAt });
}

/** Where details cover the page, they come only when they are asked for. */
const isNarrow = () => matchMedia('(max-width: 1100px)').matches;

function open(page, node, detail) {
  const isTrigger = node.path === undefined;
  page.selected = isTrigger ? '' : node.path;
  rename(runPage(page.id, { view: page.view, action: isTrigger ? '' : node.path }));
  for (const card of document.querySelectorAll('.card.is-selected')) card.classList.remove('is-selected');
  const card = [...document.querySelectorAll('.card[data-path]')].find((it) => it.dataset.path === node.path);
  card?.classList.add('is-selected');
  card?.scrollIntoView({ block: 'nearest' });
  detail.classList.add('is-open');
  const close = () => detail.classList.remove('is-open');
  fill(detail, skeleton(6));
  return isTrigger ? showTrigger(page, detail, close) : showAction(page, node.path, detail, close);
}

function drawHead(page, place) {
  const { run, operator, id } = page;
  const going = isOpen(run.status);
  const keep = h('button', { type: 'button', class: 'icon-button', title: 'Download this run', 'aria-label': 'Download this run', onclick: () => busy(keep, () => save(page.source)) }, icon('download', 18));
  const buttons = !operator ? [] : going
    ? [button('Cancel run', 'ban', (event) => cancel(page, event.currentTarget))]
    : [run.status === 'Succeeded' ? null : button('Retry', 'refresh', () => again(id, 'retry'), 'primary'), button('Resubmit', 'history', () => again(id, 'resubmit'))];
  fill(place,
    h('header', { class: 'page-head' }, h('div', { class: 'title' },
      h('p', { class: 'crumbs' }, h('a', { href: to('/runs', { flow: run.flow }) }, 'Run history')),
      h('h1', {}, run.flowName, ' ', badge(run.status))), h('span', { class: 'grow' }), buttons, page.source.isLive ? keep : h('span', { class: 'badge quiet' }, 'From a file')),
    h('dl', { class: 'facts' },
      fact('Started', h('span', { title: moment(run.startTime) }, ago(run.startTime))), fact('Duration', took(run.startTime, run.endTime)),
      fact('Trigger', h('button', { type: 'button', class: 'link', onclick: () => page.open({}) }, run.triggerName ?? run.trigger)),
      run.key ? fact('Key', [h('code', {}, brief(run.key, 32)), ' ', page.source.isLive ? h('span', { class: 'same-key' }, sameKey(page)) : null]) : null,
      run.parent ? fact('Called by', h('a', { href: runPage(run.parent.id, { action: run.parent.action }) }, run.parent.action)) : null,
      run.resubmitOf ? fact('Does again', h('a', { href: runPage(run.resubmitOf) }, brief(run.resubmitOf, 14))) : null,
      fact('Flow', [h('a', { href: flowPage(run.flow) }, run.flow), ' ', h('a', { href: flowPage(run.flow, 'versions'), title: run.version }, h('code', {}, brief(run.version, 7)))]),
      fact('Run', [h('code', { title: run.id }, brief(run.id, 14)), copyButton(() => run.id, 'Copy the run id')]),
      run.correlation?.clientTrackingId && run.correlation.clientTrackingId !== run.id ? fact('Tracking id', h('code', {}, brief(run.correlation.clientTrackingId, 24))) : null),
    run.paused ? notice('info', 'The run is paused', `${run.paused.reason}, ${ago(run.paused.startTime)}. What it has begun is finished; no further action begins until it is resumed.`) : null,
    run.error && !going ? notice('bad', run.error.code ?? 'The run failed', run.error.message, first(page)) : null);
}

/** What failed first, with a way there. */
function first(page) {
  const { failedAt, failure } = page.run;
  if (!failedAt) return null;
  const error = failure?.error;
  return h('p', {}, 'First failed action: ', h('button', { type: 'button', class: 'link', onclick: () => page.open({ path: failedAt }) }, icon('chevron', 14), failure?.name ?? failedAt),
    error && error.message !== page.run.error.message ? h('span', { class: 'muted' }, ` ${error.code}: ${error.message}`) : null);
}

const fact = (name, value) => h('div', {}, h('dt', {}, name), h('dd', {}, value));

/** Ways to the runs of the same key before and after. */
function sameKey(page) {
  const place = h('span', {});
  const { run, id, signal } = page;
  page.ofKey ??= get(`/api/v1/runs${asQuery({ flow: run.flow, key: run.key, limit: 200 })}`, signal);
  page.ofKey.then(({ value }) => {
    const at = value.findIndex((it) => it.id === id);
    const link = (other, text) => (other ? h('a', { href: runPage(other.id), title: `${other.status}, ${moment(other.startTime)}` }, text) : null);
    fill(place, at < 0 ? null : [link(value[at + 1], 'previous'), ' ', link(value[at - 1], 'next'), ' '],
      h('a', { href: to('/runs', { key: run.key }) }, value.length < 2 ? 'only this run' : `all ${value.length}`));
  }).catch(() => null);
  return place;
}

async function cancel(page, node) {
  const agreed = await confirm({ title: 'Cancel this run?', action: 'Cancel run', text: 'What it has done stays. It can be retried later from where it was.' });
  if (!agreed) return;
  await busy(node, async () => {
    await post(runAddress(page.id, '/cancel'), { reason: 'cancelled on the run page' });
    toast('The run is cancelled');
  });
}
