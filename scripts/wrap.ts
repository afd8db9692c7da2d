/** Breaks a text for the terminal. Pure. */

import { stripVTControlCharacters } from 'node:util'

/**
 * Breaks before words, before the members of a URL's query, and between the members of JSON. What is longer than a line stays
 * whole, and a no-break space becomes a space.
 * @param columns width of the terminal; colours count nothing
 * @param indent what each further line begins with
 */
export function wrap(text: string, columns: number, indent: string): string {
  const lines: string[] = []
  let line = ''
  for (const piece of text.split(/(?<= )(?=[^ ])|(?=[?&]\w)|(?<=[,{[])(?=")/)) {
    if (line.trim() !== '' && widthOf(line + piece.trimEnd()) > columns) {
      lines.push(line.trimEnd())
      line = indent + piece
    } else line += piece
  }
  return [...lines, line.trimEnd()].join('\n').replaceAll('\u00a0', ' ')
}

function widthOf(text: string): number {
  return stripVTControlCharacters(text).length
}
