// What else can be had of a run: the same as commands for a terminal, and a test that does as the run did.

import { download, h } from './dom.js';
import { get, runAddress } from './api.js';
import { busy, button, copyButton, dialog, notice } from './parts.js';
import { isOpen } from './status.js';

/** Shows the commands; `action` is the name of one that a retry begins with. */
export function commands(run, action) {
  const word = (text) => (/^[\w./:-]+$/.test(text) ? text : `"${text.replaceAll(/["\\$`]/g, '\\$&')}"`);
  const id = run.id;
  const all = [['Look at it', `flowright runs show ${id} --full`], ['Its journal', `flowright runs logs ${id}`],
    ...(!isOpen(run.status) ? [['Do it again from the failure on', `flowright runs retry ${id}`], action ? [`Do it again from “${action}” on`, `flowright runs retry ${id} --from ${word(action)}`] : null,
      ['Do all of it again', `flowright runs resubmit ${id}`], ['Make a test of it', `flowright runs export ${id} --as-test -o ${word(`flows/${run.flow}/tests/run.test.yaml`)}`]]
      : [run.status === 'Paused' ? ['Let it go on', `flowright runs resume ${id}`] : ['Have it pause', `flowright runs pause ${id}`], ['Stop it', `flowright runs cancel ${id}`]]),
    ['Keep it as a file', `flowright runs export ${id} -o run.json`]].filter(Boolean);
  dialog({ title: 'Command line', wide: true }, ({ show, close }) => show(
    h('ul', { class: 'commands' }, all.map(([title, text]) => h('li', {}, h('span', { class: 'small muted' }, title), h('div', { class: 'copy-line' }, h('code', { class: 'code grow' }, text), copyButton(() => text, `Copy: ${title}`))))),
    [button('Done', null, close, 'primary')]));
}

/** Makes a test of a run and offers it as a file. */
export async function saveTest(run) {
  dialog({ title: 'Save as test' }, ({ show, close }) => {
    const name = `${run.flow.split('/').pop()}-${run.status.toLowerCase()}.test.yaml`;
    const start = button('Download', 'download', () => busy(start, async () => {
      const { text } = await get(runAddress(run.id, '/test'));
      download(name, text, 'application/yaml');
      show(notice('good', 'The test is downloaded', null, h('p', {}, 'Put it into ', h('code', {}, `flows/${run.flow}/tests/`), ' and look through it: secrets are replaced, data of people is not.')), [button('Done', null, close, 'primary')]);
    }), 'primary');
    show(h('p', {}, 'A test with the same event and the same answers of all services. It fails if the flow ever does otherwise.'), [button('Cancel', null, close), start]);
  });
}
