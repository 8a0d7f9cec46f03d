// The files of a flow while they are changed: drafts stay in this tab until they are saved or given up.

import { flowAddress, get, post, put } from './api.js';

const kept = (flow) => `draft:${flow}`;

/** Loads the files; a draft that was left in this tab is taken up again. */
export async function openPackage(flow, signal) {
  const source = await get(flowAddress(flow, '/source'), signal);
  const files = new Map(source.files.map((it) => [short(it.name), it.text]));
  const own = new Package(flow, source.version, files);
  own.restore();
  return own;
}

const short = (name) => name.split('/').pop();

class Package {
  constructor(flow, version, files) {
    Object.assign(this, { flow, version, saved: files, files: new Map(files), isRestored: false });
  }

  get isChanged() {
    return [...this.files].some(([name, text]) => this.saved.get(name) !== text);
  }

  set(name, text) {
    this.files.set(name, text);
    const draft = JSON.stringify({ version: this.version, files: [...this.files] });
    try {
      if (this.isChanged) sessionStorage.setItem(kept(this.flow), draft);
      else sessionStorage.removeItem(kept(this.flow));
    } catch {
      // A draft that finds no room is only in this page.
    }
  }

  restore() {
    try {
      const draft = JSON.parse(sessionStorage.getItem(kept(this.flow)) ?? 'null');
      if (draft?.version !== this.version) return;
      this.files = new Map(draft.files);
      this.isRestored = this.isChanged;
    } catch {
      sessionStorage.removeItem(kept(this.flow));
    }
  }

  discard() {
    this.files = new Map(this.saved);
    this.isRestored = false;
    sessionStorage.removeItem(kept(this.flow));
  }

  list() {
    return [...this.files].map(([name, text]) => ({ name, text }));
  }

  async validate(signal) {
    const answer = await post('/api/v1/flows/validate', { flow: this.flow, files: this.list() }, signal);
    return { ...answer, findings: answer.findings.map(placed) };
  }

  async save() {
    const answer = await put(flowAddress(this.flow, '/source'), { version: this.version, files: this.list() });
    this.version = answer.version;
    this.saved = new Map(this.files);
    this.isRestored = false;
    sessionStorage.removeItem(kept(this.flow));
    return answer;
  }
}

/** A finding with where it ends, and its edit as one of those that mend it. */
function placed(it) {
  const ends = ({ end, line, column }) => ({ endLine: end?.line ?? line, endColumn: end?.column ?? column });
  const fixes = it.fix ? [{ title: it.fix.title, edits: [{ ...it.fix, ...ends(it.fix) }] }] : [];
  return { ...it, ...ends(it), fixes };
}

/** Puts texts into the place of ranges that are told in lines and columns from 1, columns in characters. */
export function applyEdits(text, edits) {
  const lines = text.split('\n');
  const starts = [];
  let at = 0;
  for (const line of lines) {
    starts.push(at);
    at += line.length + 1;
  }
  const offset = (line, column) => (starts[line - 1] ?? text.length) + [...(lines[line - 1] ?? '')].slice(0, column - 1).join('').length;
  const placed = edits.map((it) => ({ start: offset(it.line, it.column), end: offset(it.endLine, it.endColumn), text: it.text }));
  placed.sort((a, b) => b.start - a.start);
  return placed.reduce((all, it) => all.slice(0, it.start) + it.text + all.slice(it.end), text);
}
