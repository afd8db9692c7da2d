/**
 * Finds the regular expressions in a TypeScript source: literals, and texts that schemas take as a `pattern`. A scanner and not a
 * parser: it knows comments, texts and templates, and that a slash after a value divides.
 */

export interface FoundRegex {
  source: string
  flags: string
}

/** After these words stands a value, so a slash begins a literal. */
const wordsBeforeValue = /^(?:return|typeof|case|in|of|void|delete|instanceof|new|await|yield|throw|else|do)$/

/** In order of the source; whatever matches none of these is one character of punctuation. */
const comment = /\/\/.*|\/\*[\s\S]*?\*\//y
const text = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/y
/** A template, or one up to its next value; and what follows the value. */
const template = /`(?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{)/y
const templateRest = /\}(?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{)/y
const regex = /\/((?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+)\/([a-z]*)/y
const word = /[\w$]+/y

/** Also throws on a pattern that cannot be read off the source: given to `RegExp` without such a name, or in a template. */
export function findRegexes(code: string): FoundRegex[] {
  const found: FoundRegex[] = []
  const tokens: string[] = []
  /** Braces that are open within each value of a template. */
  const braces: number[] = []
  let at = 0

  function read(token: RegExp): RegExpExecArray | undefined {
    token.lastIndex = at
    const match = token.exec(code)
    if (match) at = token.lastIndex
    return match ?? undefined
  }

  while (at < code.length) {
    if (read(comment)) continue
    const last = tokens.at(-1) ?? ''
    const divides = /^[\w$)\]'"`]/.test(last) && !wordsBeforeValue.test(last)
    const literal = divides ? undefined : read(regex)
    if (literal) {
      const [whole, source = '', flags = ''] = literal
      found.push({ source, flags })
      tokens.push(`'${whole}`)
      continue
    }
    const inValue = braces.at(-1)
    const piece = read(template) ?? (inValue === 0 && read(templateRest))
    if (piece) {
      if (piece[0].startsWith('}')) braces.pop()
      if (piece[0].endsWith('${')) braces.push(0)
      tokens.push(piece[0].endsWith('${') ? '(' : '`')
      if (isPattern(tokens.slice(0, -1)) || isCompiled(tokens.slice(0, -1)))
        throw new Error('a pattern in a template')
      continue
    }
    const token = (read(text) ?? read(word))?.[0] ?? code.charAt(at++)
    if (token.trim() === '') continue
    if (inValue !== undefined)
      braces.push(Number(braces.pop()) + (token === '{' ? 1 : token === '}' ? -1 : 0))
    if (token.startsWith("'") && isPattern(tokens)) found.push({ source: unquoted(token), flags: 'u' })
    if (isCompiled(tokens) && !/Pattern$/.test(token)) throw new Error('a pattern made at run time')
    tokens.push(token)
  }
  return found
}

/** In `RegExp(…)`. */
function isCompiled(before: string[]): boolean {
  return before.at(-2) === 'RegExp' && before.at(-1) === '('
}

/** Behind `pattern:`, or `somePattern =`. */
function isPattern(before: string[]): boolean {
  const [name = '', sign = ''] = before.slice(-2)
  return /^(?:pattern|\w+Pattern)$/.test(name) && (sign === ':' || sign === '=')
}

function unquoted(token: string): string {
  return token.slice(1, -1).replace(/\\(.)/g, '$1')
}
