/**
 * Variables that are nearly settings: a misspelt one would be off without a word. Nothing but names is looked at, and none is
 * suspected that a platform sets by itself.
 */

/** At most so many edits in a word of this length: a shorter one is soon another word. */
const maxEdits = 2
const maxEditsOfWord = (word: string) => (word.length < 5 ? 1 : maxEdits)

/** @see https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables */
const serviceLink = /_SERVICE_(HOST|PORT)(_|$)|_PORT_\d{1,5}_(TCP|UDP|SCTP)(_|$)/
const unit = /^(MS|MILLI|S|SEC|(MILLI)?SECOND|MINUTE|HOUR|DAY|BYTE)S?$/

/**
 * Near is what is one or two edits away, has another number, order or case of its words, another unit, or an ending more or less.
 * So is what has one word cut off, such as `REDIS_CERT`.
 * @param names of variables that are set
 * @param settings the right ones
 * @returns each name that is no setting but nearly one, and the nearest
 */
export function misspeltSettings(
  names: readonly string[],
  settings: readonly string[],
): [misspelt: string, meant: string][] {
  const right = settings.map(wordsOf)
  return names
    .filter((name) => !settings.includes(name) && !serviceLink.test(name))
    .flatMap((name): [string, string][] => {
      const words = wordsOf(name)
      const distances = right.map((setting) => distanceOf(words, setting))
      const nearest = Math.min(...distances)
      const meant = settings[distances.indexOf(nearest)]
      return nearest < Number.POSITIVE_INFINITY && meant !== undefined ? [[name, meant]] : []
    })
}

/** In upper case, without the unit. */
function wordsOf(name: string): string[] {
  const words = name.toUpperCase().split(/[^A-Z0-9]+/)
  return words.length > 1 && unit.test(String(words.at(-1))) ? words.slice(0, -1) : words
}

function singular(word: string): string {
  return word.replace(/IES$/, 'Y').replace(/(?<=..)S$/, '')
}

/** For ordering alone. Infinite: not near. */
function distanceOf(one: string[], other: string[]): number {
  const edits = editsBetweenWords(one, other)
  if (edits <= maxEdits) return edits
  const [shorter = [], longer] = [one.map(singular), other.map(singular)].sort((a, b) => a.length - b.length)
  if (
    editsBetween(one.join(''), other.join('')) <= 1 ||
    shorter.toSorted().join() === longer?.toSorted().join()
  )
    return maxEdits
  const isEnding = shorter.length > 1 && shorter.every((word, n) => word === longer?.[n])
  return isEnding ? maxEdits + Math.abs(one.length - other.length) : Number.POSITIVE_INFINITY
}

function editsBetweenWords(one: string[], other: string[]): number {
  if (one.length !== other.length) return Number.POSITIVE_INFINITY
  return one.reduce((sum, word, n) => {
    const meant = String(other[n])
    const isCutOff = one.length > 1 && word.length > 2 && meant.startsWith(word)
    const edits = Math.min(editsBetween(word, meant), editsBetween(singular(word), singular(meant)))
    return sum + Math.min(edits, isCutOff ? maxEdits : Number.POSITIVE_INFINITY)
  }, 0)
}

/** Insertions, deletions, replacements and swaps of neighbours. Infinite: too many for a word of this length. */
function editsBetween(one: string, other: string): number {
  for (let edits = 0; edits <= maxEditsOfWord(other); edits++) if (isWithin(edits, one, other)) return edits
  return Number.POSITIVE_INFINITY
}

function isWithin(edits: number, one: string, other: string): boolean {
  if (one === other) return true
  if (edits < Math.abs(one.length - other.length)) return false
  const [[a, b], [c, d]] = [one, other]
  if (a === c) return isWithin(edits, one.slice(1), other.slice(1))
  if (edits === 0) return false
  return (
    isWithin(edits - 1, one.slice(1), other) ||
    isWithin(edits - 1, one, other.slice(1)) ||
    isWithin(edits - 1, one.slice(1), other.slice(1)) ||
    (a === d && b === c && isWithin(edits - 1, one.slice(2), other.slice(2)))
  )
}
