/**
 * A TypeScript text with its comments, or its comments and its strings, turned into blanks. Line numbers stay.
 * No parser: it knows just enough of strings, templates and regular expressions to tell where they end.
 */
export type SourceText = {
  readonly whole: string;
  /** Without comments. */
  readonly code: string;
  /** Without comments and without what is in strings, templates and regular expressions. */
  readonly bare: string;
};

const TOKEN = new RegExp(
  [
    String.raw`(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)`,
    String.raw`(?<text>'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*")`,
    '(?<template>`)',
    // A slash after a value divides; after anything else it opens a regular expression.
    String.raw`(?<regex>(?<=(?:^|[(,=:[!&|?{};+*%~^<>-]|\b(?:return|typeof|case|of|in|await))\s*)\/(?![*/])(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*)`,
    String.raw`(?<open>\{)|(?<close>\})`,
  ].join('|'),
  'y',
);

/** Reads a whole file. */
export function readSource(whole: string): SourceText {
  const units = whole.split('');
  const code = [...units];
  const bare = [...units];
  const blank = (target: string[], from: number, to: number): void => {
    for (let at = from; at < to; at++) if (units[at] !== '\n') target[at] = ' ';
  };
  // One entry an open brace: true where it is the `${` of a template, at whose end the template goes on.
  const braces: boolean[] = [];
  let at = 0;
  const template = (from: number): number => {
    let end = from;
    while (end < whole.length && whole[end] !== '`' && !whole.startsWith('${', end)) end += whole[end] === '\\' ? 2 : 1;
    blank(bare, from, end);
    if (whole[end] === '`') return end + 1;
    braces.push(true);
    return end + 2;
  };
  while (at < whole.length) {
    TOKEN.lastIndex = at;
    const groups = TOKEN.exec(whole)?.groups;
    const found = groups === undefined ? 1 : TOKEN.lastIndex - at;
    if (groups?.['comment'] !== undefined) {
      blank(code, at, at + found);
      blank(bare, at, at + found);
    } else if (groups?.['text'] !== undefined || groups?.['regex'] !== undefined) {
      blank(bare, at + 1, at + found - 1);
    } else if (groups?.['open'] !== undefined) {
      braces.push(false);
    } else if (groups?.['template'] !== undefined || (groups?.['close'] !== undefined && braces.pop() === true)) {
      at = template(at + 1);
      continue;
    }
    at += found;
  }
  return { whole, code: code.join(''), bare: bare.join('') };
}

/** From 1. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
