// Runs from files: what these pages have downloaded, what `flowright runs export` writes, and bare journals. Nothing of them leaves the browser.

export const FORMAT = 'flowright-run/1';
/** Bytes of a file that a browser can still show. */
const BYTES_MAX = 200_000_000;

function member(all, name) {
  if (!Object.hasOwn(all, name)) throw new Error('The file does not have this.');
  return all[name];
}

/** A file as a run that can be looked at. */
export async function readRun(file) {
  if (BYTES_MAX < file.size) throw new Error('The file is too large to be shown here.');
  const kept = parsed(await file.text());
  if (kept?.format === FORMAT && kept.run) return source(kept);
  if (kept?.run?.id && Array.isArray(kept.journal)) return source(exported(kept));
  if (Array.isArray(kept) && kept.length && kept.every((it) => it?.type && it.time)) return source(bare(kept));
  throw new Error('This file is no downloaded run and no journal.');
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    // One event a line.
    try {
      return text.trim().split('\n').map((line) => JSON.parse(line));
    } catch {
      return null;
    }
  }
}

function source({ run, passes, actions, journal, isBare }) {
  return {
    id: String(run.id),
    isLive: false,
    isBare,
    tree: async () => run,
    pass: async (path, pass) => member(passes, `${path}#${pass}`),
    action: async (path) => member(actions, path ?? ''),
    journal: async (after) => ({ value: journal.slice(after), nextLink: null }),
  };
}

/** Only what happened is known, not the flow. */
function bare(journal) {
  const [started, finished] = ['started', 'finished'].map((type) => journal.find((it) => it.type === type));
  const run = { id: started?.run ?? 'unknown', flow: '', flowName: 'Journal', version: '', trigger: started?.trigger ?? '', status: finished?.status ?? 'Running', error: finished?.error ?? null,
    startTime: journal[0].time, endTime: finished?.time ?? null, actions: [], summaries: {} };
  return { run, journal, passes: {}, actions: {}, isBare: true };
}

/** A name in expressions as it is in the flow, or nearly so. */
const words = (name) => name.replaceAll('_', ' ');
const sized = (value) => (value === null || value === undefined ? null : { value, bytes: JSON.stringify(value).length });
const isBad = ({ status }) => status === 'Failed' || status === 'TimedOut';
const LETTERS = { Succeeded: 's', Failed: 'f', TimedOut: 't', Skipped: 'k', Cancelled: 'c' };

/** A run with all bodies in its tree, as the API gives it. */
function exported({ run, journal }) {
  const kept = { passes: Object.create(null), actions: Object.create(null), journal };
  const started = journal[0];
  kept.actions[''] = { name: words(run.trigger), kind: null, status: 'Succeeded', startTime: run.startTime, endTime: run.startTime, outputs: sized(started?.outputs) };
  const failed = isBad(run) ? firstBad(run.actions) : null;
  kept.run = { ...run, flowName: run.flow, triggerName: words(run.trigger), summaries: {}, failedAt: failed?.path ?? null, failure: failed, actions: run.actions.map((it) => node(it, kept)) };
  return kept;
}

function node({ blocks = [], inputs, outputs, ...own }, kept) {
  kept.actions[own.path] = { ...own, inputs: sized(inputs), outputs: sized(outputs) };
  const shown = { ...own, attempts: (own.attempts ?? []).map((it) => [it.startTime, it.endTime, it.error?.code ?? null, it.sentTime ?? null]) };
  if (own.kind === 'foreach' || own.kind === 'until') return { ...shown, loop: loop(own.path, blocks, kept) };
  return blocks.length ? { ...shown, blocks: blocks.map(({ label, actions }) => ({ label, actions: actions.map((it) => node(it, kept)) })) } : shown;
}

function loop(path, blocks, kept) {
  const lengths = blocks.map(({ actions }, pass) => {
    kept.passes[`${path}#${pass}`] = actions.map((it) => node(it, kept));
    const times = actions.flatMap((it) => [it.startTime, it.endTime]).filter(Boolean).map((it) => new Date(it).getTime());
    return times.length ? Math.max(...times) - Math.min(...times) : 0;
  });
  const slowestMs = Math.max(0, ...lengths);
  return { passes: blocks.length, items: null, strip: blocks.map(letter).join(''), totalMs: lengths.reduce((sum, it) => sum + it, 0), slowestMs, slowest: lengths.indexOf(slowestMs) };
}

/** How a pass ended: as the last of its actions that was carried out. */
function letter({ actions }) {
  if (actions.some((it) => !it.status)) return 'r';
  return LETTERS[actions.filter((it) => it.status !== 'Skipped').pop()?.status ?? 'Skipped'];
}

function firstBad(nodes) {
  const [first] = nodes.filter(isBad).sort((a, b) => (a.endTime < b.endTime ? -1 : 1));
  if (!first) return null;
  return (first.blocks ?? []).map((it) => firstBad(it.actions)).find(Boolean) ?? first;
}
