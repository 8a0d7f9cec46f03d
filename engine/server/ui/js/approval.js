// The page of one approval, for whoever was given its address.

import { fill, h } from './dom.js';
import { get, post } from './api.js';
import { answerForm } from './approvals.js';
import { icon } from './icons.js';
import { failed, skeleton } from './parts.js';

const root = document.getElementById('approval');
// The address itself, signature and all, is asked for the rest.
const address = `${location.pathname}${location.search}`;

async function show() {
  fill(root, skeleton(5));
  try {
    const approval = await get(address);
    document.title = `${approval.title} · Approval`;
    const send = (answer) => post(address, answer);
    fill(root, h('section', { class: 'box' }, h('p', { class: 'muted small' }, 'Approval'), h('h1', {}, approval.title), answerForm(approval, send, (outcome) => done(outcome), true)));
  } catch (error) {
    if (error.status === 410) over('This has been answered already', 'Nobody waits for an answer any more.');
    else if (error.status === 404) over('There is no such approval', 'The address is not complete, or not genuine.');
    else fill(root, failed(error, show));
  }
}

const over = (title, text) => fill(root, h('div', { class: 'empty' }, icon('check', 40), h('h1', {}, title), h('p', {}, text)));
const done = (outcome) => over('Thank you', `Your answer: ${outcome}`);

show();
