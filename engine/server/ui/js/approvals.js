// Approvals that wait for an answer.

import { fill, h } from './dom.js';
import { get, may, part, post } from './api.js';
import { ago, moment } from './format.js';
import { valueView } from './json.js';
import { busy, button, complain, empty, field, toast } from './parts.js';
import { runPage } from './router.js';

export async function render(root, { signal }) {
  const operator = await may('operator');
  const place = h('div', {});
  fill(root, h('header', { class: 'page-head' }, h('h1', {}, 'Approvals')), place);
  const load = async () => {
    const { value, nextLink } = await get('/api/v1/approvals', signal);
    draw(place, value, nextLink, operator, load);
  };
  await load();
  const timer = setInterval(() => {
    // What somebody is about to answer is not taken away.
    if (!document.hidden && !place.contains(document.activeElement)) load().catch(() => null);
  }, 8_000);
  signal.addEventListener('abort', () => clearInterval(timer));
}

function draw(place, all, nextLink, operator, load) {
  fill(place, all.length ? h('ul', { class: 'tiles' }, all.map((it) => one(it, operator, load)))
    : empty('check', 'Nothing waits for an answer', 'When a flow asks for an approval, it appears here.'),
  nextLink ? button('More', 'chevron', async () => {
    try {
      const more = await get(nextLink);
      draw(place, [...all, ...more.value], more.nextLink, operator, load);
    } catch (error) {
      complain(error);
    }
  }) : null);
}

function one(approval, operator, load) {
  const send = (answer) => post(`/api/v1/approvals/${part(approval.run)}/${part(approval.path)}`, answer);
  const done = (outcome) => { toast(`Answered: ${outcome}`); load().catch(complain); };
  return h('li', { class: 'box' }, h('h2', {}, approval.title),
    h('p', { class: 'muted small' }, h('a', { href: runPage(approval.run, { action: approval.path }) }, approval.flow), ' · ', h('span', { title: moment(approval.since) }, `asked ${ago(approval.since)}`)),
    operator ? answerForm(approval, send, done, false) : about(approval));
}

const text = (it) => (it === null || it === undefined ? null : typeof it === 'string' ? h('p', { class: 'pre' }, it) : valueView(it));

const about = (approval) => h('div', { class: 'approval-about' }, text(approval.details),
  approval.assignedTo ? h('p', { class: 'small' }, h('span', { class: 'muted' }, 'For '), Array.isArray(approval.assignedTo) ? approval.assignedTo.join(', ') : String(approval.assignedTo)) : null,
  approval.until ? h('p', { class: 'small' }, h('span', { class: 'muted' }, 'Until '), moment(approval.until)) : null);

/** The options as buttons, with a comment; `named` asks who answers. */
export function answerForm(approval, send, done, named) {
  const comments = h('textarea', { rows: 2, maxlength: 10_000 });
  const responder = h('input', { type: 'text', maxlength: 200, autocomplete: 'name' });
  const options = (Array.isArray(approval.options) ? approval.options : []).map((option, index) => {
    const node = button(String(option), null, () => busy(node, async () => {
      const answer = { response: option, comments: comments.value.trim() || null, responder: responder.value.trim() || null };
      await send(answer);
      done(option);
    }), index ? '' : 'primary');
    return node;
  });
  return h('div', { class: 'approval-form' }, about(approval), field('Comments', comments), named ? field('Your name', responder) : null, h('div', { class: 'button-row' }, options));
}
