// A flow as nested cards: the same drawing for the flow and for its runs.

import { fill, h, unique } from './dom.js';
import { icon } from './icons.js';
import { actionKind, blockTitle, triggerKind } from './kinds.js';

/** The mark of a kind. */
export const tile = ({ shape, tone }) => h('span', { class: `tile ${tone}` }, icon(shape, 18));

/**
 * Draws a list of cards. `look` says what a run adds to one: `{status, side, note, isOpen, below, select}`,
 * all of them optional.
 */
export function chain(cards, look = () => ({})) {
  const list = h('ol', { class: 'chain' });
  for (const card of cards) list.append(one(card, look));
  if (!cards.length) list.append(h('li', { class: 'empty-block' }, 'No actions'));
  return list;
}

export function triggerCard(trigger, side, select) {
  const kind = triggerKind(trigger.kind);
  const title = h('span', { class: 'card-text' },
    h('span', { class: 'card-title' }, trigger.displayName ?? trigger.name ?? kind.title),
    h('span', { class: 'card-line' }, kind.title));
  return h('li', { class: 'step' }, h('article', { class: 'card trigger' },
    h('div', { class: 'card-head' }, head(select, [tile(kind), title]), side)));
}

/** The triggers of a flow: of several, any one of them starts it. */
export function triggerCards(triggers) {
  if (triggers.length < 2) return triggers.map((it) => triggerCard(it));
  return [h('li', { class: 'step' }, h('section', { class: 'one-of', 'aria-label': 'Triggers' },
    h('p', { class: 'one-of-title' }, 'Starts with one of these'), h('ul', {}, triggers.map((it) => triggerCard(it)))))];
}

function head(select, children) {
  return select
    ? h('button', { type: 'button', class: 'card-main', onclick: select }, children)
    : h('div', { class: 'card-main' }, children);
}

function one(card, look) {
  const seen = look(card);
  const kind = actionKind(card.kind);
  const text = h('span', { class: 'card-text' },
    h('span', { class: 'card-title' }, card.name),
    h('span', { class: 'card-line' }, seen.line ?? (card.summary ? `${kind.title}: ${card.summary}` : kind.title)));
  const article = h('article', { class: `card ${seen.tone ?? ''}`, 'data-path': seen.path });
  const top = h('div', { class: 'card-head' }, head(seen.select, [tile(kind), text]), seen.side);
  article.append(top);
  if (seen.note) article.append(h('p', { class: 'card-note' }, seen.note));
  const blocks = card.blocks ?? [];
  if (seen.below || blocks.length) folded(article, top, seen, () => seen.below ?? inside(card, blocks, look));
  const after = card.runAfter && runAfter(card.runAfter);
  return h('li', { class: 'step' }, after, article);
}

/** What is inside is drawn when it is first opened. */
function folded(article, top, seen, draw) {
  const id = unique('block');
  const body = h('div', { class: 'card-body', id });
  let isOpen = seen.isOpen ?? true;
  let isDrawn = false;
  const toggle = h('button', { type: 'button', class: 'icon-button fold', 'aria-controls': id }, icon('down', 18));
  const show = () => {
    toggle.setAttribute('aria-expanded', String(isOpen));
    toggle.setAttribute('aria-label', isOpen ? 'Collapse' : 'Expand');
    body.hidden = !isOpen;
    if (isOpen && !isDrawn) {
      isDrawn = true;
      fill(body, draw());
    }
  };
  toggle.addEventListener('click', () => {
    isOpen = !isOpen;
    seen.onfold?.(isOpen);
    show();
  });
  top.append(toggle);
  article.append(body);
  show();
}

function inside(card, blocks, look) {
  if (blocks.length === 1) return chain(blocks[0].actions, look);
  return h('div', { class: `branches n${Math.min(blocks.length, 3)}` }, blocks.map((block) => branch(card, block, look)));
}

function branch(card, block, look) {
  const isIf = card.kind === 'if';
  const left = isLeft(block);
  const title = [isIf ? icon(block.label === 'yes' ? 'check' : 'cross', 14) : null, blockTitle(card.kind, block.label), left ? h('span', { class: 'muted' }, '– not taken') : null];
  const name = `branch ${isIf ? block.label : ''}`;
  if (!left) return h('section', { class: name }, h('p', { class: 'branch-title' }, title), chain(block.actions, look));
  // What was not done is there for those who ask.
  const isChosen = block.actions.some((it) => look(it).tone?.includes('is-selected'));
  return h('details', { class: `${name} is-left`, open: isChosen }, h('summary', { class: 'branch-title' }, title, icon('chevron', 14)), chain(block.actions, look));
}

/** Whether a run has gone another way. */
const isLeft = ({ actions }) => 0 < actions.length && actions.every((it) => it.status === 'Skipped');

function runAfter(links) {
  if (!links.length) return h('p', { class: 'run-after' }, 'Runs in parallel with the action above');
  const each = links.map((it) => `${it.name} (${it.statuses.map(said).join(', ')})`);
  return h('p', { class: 'run-after' }, `Runs after ${each.join(' and ')}`);
}

const said = (status) => ({ Succeeded: 'is successful', Failed: 'has failed', Skipped: 'is skipped', TimedOut: 'has timed out' })[status] ?? status;
