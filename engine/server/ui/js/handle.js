// Somebody says that a run which went wrong needs nothing any more, or takes that back.

import { h } from './dom.js';
import { post, runAddress } from './api.js';
import { moment } from './format.js';
import { busy, button, dialog, field, notice, toast } from './parts.js';

/** Asks for a note and marks the run; then `done()`. */
export function handle(run, done) {
  const note = h('input', { type: 'text', maxlength: 300, autocomplete: 'off' });
  dialog({ title: 'Mark as handled' }, ({ show, close }) => {
    const start = button('Mark as handled', null, () => busy(start, async () => {
      await post(runAddress(run, '/handle'), { handled: true, note: note.value.trim() || null });
      close();
      toast('Marked as handled');
      await done();
    }), 'primary');
    const form = h('form', { onsubmit: (event) => { event.preventDefault(); start.click(); } }, h('p', {}, 'The run stays as it is. It is no longer among those that are “Failed, not handled”.'),
      field('Note', note, { help: 'What was done about it; everybody sees it' }));
    show(form, [button('Cancel', null, close), start]);
  });
}

/** Who has marked it, when and why, with a way back for those who may. */
export function handledNotice(run, operator, done) {
  const { who, time, note } = run.handled;
  const undo = !operator ? null : button('Not handled', null, () => busy(undo, async () => {
    await post(runAddress(run.id, '/handle'), { handled: false });
    await done();
  }), 'small-button');
  return notice('good', 'Handled', `${who}, ${moment(time)}${note ? `: ${note}` : ''}`, undo && h('p', {}, undo));
}
