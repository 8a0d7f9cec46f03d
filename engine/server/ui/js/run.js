// The page of one run: the flow as cards with what became of each, where it failed first, live while it goes on.

import { fill, h, keepFocus } from './dom.js';
import { may } from './api.js';
import { showAction, showTrigger } from './action.js';
import { tree } from './runtree.js';
import { journal } from './journal.js';
import { live, openedRun } from './source.js';
import { follow } from './live.js';
import { empty, skeleton, tabs } from './parts.js';
import { rename, runPage } from './router.js';
import { drawHead } from './runhead.js';
import { isOpen } from './status.js';
import { timeline } from './timeline.js';

export async function render(root, { segments, query, signal, title }) {
  const source = segments[0] === 'file' ? openedRun() : live(segments[0], signal);
  if (!source) {
    fill(root, empty('runs', 'No file is open', 'Choose “Open a downloaded run” on the page of the run history.', h('a', { href: '#/runs' }, 'Run history')));
    return;
  }
  const id = segments[0];
  // Of a bare journal there is nothing else to see.
  const view = source.isBare ? 'journal' : query.view ?? '';
  const page = { id, view, source, signal, run: null, selected: query.action ?? null, isOffered: Boolean(query.action), operator: source.isLive && await may('operator'),
    admin: source.isLive && await may('admin'), folds: new Map(), passes: new Map(), drawn: new Map() };
  page.run = await source.tree();
  title(`${page.run.flowName}, ${page.run.status}`);
  const head = h('div', {});
  const body = h('div', { class: 'run-body' });
  const detail = h('aside', { class: 'detail', 'aria-label': 'Details of the action' });
  page.open = (node) => open(page, node, detail);
  const views = [['', 'Actions', runPage(id)], ['timeline', 'Timeline', runPage(id, { view: 'timeline' })], ['journal', 'Journal', runPage(id, { view: 'journal' })]];
  fill(root, head, tabs('Views of the run', source.isBare ? views.slice(2) : views, view),
  view === 'journal' ? body : h('div', { class: 'columns run' }, body, detail));
  const draw = () => keepFocus(root, () => {
    drawHead(page, head);
    if (view === 'timeline') fill(body, timeline(page.run, (node) => page.open(node)));
    else if (view === '') fill(body, tree(page));
  });
  page.refresh = async () => {
    page.run = await source.tree();
    title(`${page.run.flowName}, ${page.run.status}`);
    draw();
  };
  draw();
  closeByKey(detail, signal);
  if (view === 'journal') journal(body, page);
  else {
    fill(detail, h('p', { class: 'muted' }, 'Choose an action to see what went in and what came out.'));
    begin(page);
  }
  if (source.isLive && isOpen(page.run.status)) {
    follow(id, signal, async () => {
      await page.refresh();
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
  const close = () => shut(detail);
  fill(detail, skeleton(6));
  const shown = isTrigger ? showTrigger(page, detail, close) : showAction(page, node.path, detail, close);
  return shown.then(() => { if (isNarrow()) detail.querySelector('.close-detail')?.focus(); });
}

/** Closes the pane that covers the page, and goes back to the card that it is about. */
function shut(detail) {
  detail.classList.remove('is-open');
  document.querySelector('.card.is-selected .card-main')?.focus();
}

function closeByKey(detail, signal) {
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && isNarrow() && detail.classList.contains('is-open') && !document.querySelector('dialog[open]')) shut(detail);
  }, { signal });
}
