// How a run or an action has ended: a word, a colour and a shape, so that no one of them is needed.

import { h } from './dom.js';
import { icon } from './icons.js';

const SHOWN = {
  Succeeded: ['good', 'check', 'Succeeded'],
  Failed: ['bad', 'cross', 'Failed'],
  TimedOut: ['bad', 'clock', 'Timed out'],
  Cancelled: ['quiet', 'ban', 'Cancelled'],
  Skipped: ['quiet', 'skip', 'Skipped'],
  Running: ['busy', 'spin', 'Running'],
  Paused: ['quiet', 'pause', 'Paused'],
  Waiting: ['busy', 'clock', 'Waiting'],
  None: ['quiet', 'dash', 'Not reached'],
};

export const known = (status) => SHOWN[status] ?? SHOWN.None;
/** Whether a run of this status has not ended. */
export const isOpen = (status) => status === 'Running' || status === 'Paused';
export const word = (status) => known(status)[2];

/** A mark with the word beside it. */
export function badge(status, extra) {
  const [tone, shape, text] = known(status);
  return h('span', { class: `badge ${tone}` }, icon(shape, 14), h('span', {}, extra ?? text));
}

/** Only the mark; the word is read aloud and shown when pointed at. */
export function mark(status, title) {
  const [tone, shape, text] = known(status);
  const said = title ?? text;
  return h('span', { class: `mark ${tone}`, role: 'img', 'aria-label': said, title: said }, icon(shape, 14));
}

/** The status of an action that may be open. */
export function ofAction(node) {
  if (node.status) return node.status;
  if (!node.startTime) return 'None';
  return node.waitsFor && node.waitsFor !== 'its actions' && node.waitsFor !== 'an answer' ? 'Waiting' : 'Running';
}

const LETTERS = { s: 'Succeeded', f: 'Failed', t: 'TimedOut', k: 'Skipped', c: 'Cancelled', r: 'Running' };
/** The status that a letter of a loop's strip stands for. */
export const ofLetter = (letter) => LETTERS[letter] ?? 'None';
