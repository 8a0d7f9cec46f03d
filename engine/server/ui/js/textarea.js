// A text field for YAML: numbers of lines, colours, and marks where something is wrong. It is an ordinary text field to
// whoever reads it aloud or moves in it with the keyboard.

import { fill, h } from './dom.js';

/** Lines that are coloured; longer files are plain. */
const COLOURED_MAX = 4_000;

export function yamlField(label, onchange) {
  const area = h('textarea', { class: 'code-area', spellcheck: 'false', autocomplete: 'off', autocapitalize: 'off', wrap: 'off', 'aria-label': label });
  const back = h('pre', { class: 'code-back', 'aria-hidden': 'true' });
  const numbers = h('pre', { class: 'code-numbers', 'aria-hidden': 'true' });
  const node = h('div', { class: 'code-field' }, numbers, h('div', { class: 'code-stack' }, back, area));
  let findings = [];
  const draw = () => {
    const lines = area.value.split('\n');
    fill(numbers, lines.map((_, index) => {
      const worst = findings.find((it) => it.line === index + 1);
      return h('span', { class: worst ? `line-number ${worst.severity}` : 'line-number' }, `${index + 1}\n`);
    }));
    fill(back, lines.length <= COLOURED_MAX ? lines.map((line, index) => [coloured(line, findings.filter((it) => it.line === index + 1)), '\n']) : area.value);
    follow();
  };
  const follow = () => {
    back.scrollTop = area.scrollTop;
    back.scrollLeft = area.scrollLeft;
    numbers.scrollTop = area.scrollTop;
  };
  area.addEventListener('scroll', follow, { passive: true });
  area.addEventListener('input', () => { draw(); onchange(area.value); });
  area.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.isComposing || event.ctrlKey || event.metaKey) return;
    // The next line begins below this one, deeper behind a colon.
    const before = area.value.slice(0, area.selectionStart).split('\n').pop();
    const indent = /^ */.exec(before)[0] + (/:\s*$/.test(before) ? '  ' : '');
    if (!indent) return;
    event.preventDefault();
    area.setRangeText(`\n${indent}`, area.selectionStart, area.selectionEnd, 'end');
    area.dispatchEvent(new Event('input'));
  });
  return {
    node,
    area,
    set(text) { area.value = text; draw(); },
    mark(found) { findings = found; draw(); },
    /** Puts the cursor at a place and shows it. */
    at(line, column) {
      const lines = area.value.split('\n');
      const offset = lines.slice(0, line - 1).reduce((sum, it) => sum + it.length + 1, 0) + [...(lines[line - 1] ?? '')].slice(0, column - 1).join('').length;
      area.focus();
      area.setSelectionRange(offset, offset);
      const height = Number.parseFloat(getComputedStyle(area).lineHeight);
      area.scrollTop = Math.max(0, (line - 4) * height);
      follow();
    },
  };
}

const TOKENS = /(#.*$)|^(\s*(?:- )*)([^\s#'"[{][^:#]*?)(:)(?=\s|$)|("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|(@\{[^}]*\}|\$\.[\w.]+)|\b(true|false|null|-?\d+(?:\.\d+)?)\b/g;
const CLASSES = [null, 'y-comment', null, 'y-key', null, 'y-string', 'y-expression', 'y-word'];

/** The line in pieces of one colour, those with a finding underlined. */
function coloured(line, found) {
  const pieces = [];
  let last = 0;
  for (const match of line.matchAll(TOKENS)) {
    const index = match.slice(1).findIndex((it, at) => it !== undefined && CLASSES[at + 1]) + 1;
    if (!index || (index === 1 && match.index > 0 && !/\s/.test(line[match.index - 1]))) continue;
    const start = match.index + (index === 3 ? match[2].length : 0);
    const text = match[index];
    if (start < last) continue;
    pieces.push([line.slice(last, start), null], [text, CLASSES[index]]);
    last = start + text.length;
  }
  pieces.push([line.slice(last), null]);
  return found.length ? underlined(pieces, found, line) : pieces.filter(([text]) => text).map(([text, name]) => (name ? h('span', { class: name }, text) : text));
}

function underlined(pieces, found, line) {
  const marks = new Array(line.length + 1).fill('');
  for (const it of found) {
    const end = it.endLine > it.line ? line.length : Math.max(it.endColumn - 1, it.column);
    for (let at = it.column - 1; at < Math.max(end, it.column); at++) if (at <= line.length) marks[at] ||= it.severity;
  }
  const drawn = [];
  let at = 0;
  for (const [text, name] of pieces) {
    let from = 0;
    while (from < text.length) {
      let to = from + 1;
      while (to < text.length && marks[at + to] === marks[at + from]) to++;
      const mark = marks[at + from];
      drawn.push(h('span', { class: `${name ?? ''} ${mark ? `squiggle ${mark}` : ''}` }, text.slice(from, to)));
      from = to;
    }
    at += text.length;
  }
  if (marks[line.length] && !line.length) drawn.push(h('span', { class: `squiggle ${marks[line.length]}` }, ' '));
  return drawn;
}
