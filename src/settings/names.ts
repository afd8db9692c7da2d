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
  const right = settings.map(readName)
  return names
    .filter((name) => !settings.includes(name) && !serviceLink.test(name))
    .flatMap((name): [string, string][] => {
      const read = readName(name)
      const distances = right.map((setting) => distanceOf(read, setting))
      const nearest = Math.min(...distances)
      const meant = settings[distances.indexOf(nearest)]
      return nearest < Number.POSITIVE_INFINITY && meant !== undefined ? [[name, meant]] : []
    })
}

interface Name {
  /** In upper case, without the unit. */
  words: string[]
  joined: string
  singulars: string[]
  sorted: string
}

function readName(name: string): Name {
  const all = name.toUpperCase().split(/[^A-Z0-9]+/)
  const words = all.length > 1 && unit.test(String(all.at(-1))) ? all.slice(0, -1) : all
  const singulars = words.map(singular)
  return { words, joined: words.join(''), singulars, sorted: singulars.toSorted().join() }
}

function singular(word: string): string {
  return word.replace(/IES$/, 'Y').replace(/(?<=..)S$/, '')
}

/** For ordering alone. Infinite: not near. */
function distanceOf(one: Name, other: Name): number {
  const edits = editsBetweenNames(one, other)
  if (edits <= maxEdits) return edits
  if (isWithin(1, one.joined, other.joined) || one.sorted === other.sorted) return maxEdits
  const [shorter, longer] = one.words.length < other.words.length ? [one, other] : [other, one]
  const more = longer.words.length - shorter.words.length
  const isEnding =
    shorter.words.length > 1 && shorter.singulars.every((word, n) => word === longer.singulars[n])
  return isEnding ? maxEdits + more : Number.POSITIVE_INFINITY
}

function editsBetweenNames(one: Name, other: Name): number {
  if (one.words.length !== other.words.length) return Number.POSITIVE_INFINITY
  let sum = 0
  for (const [n, word] of one.words.entries()) {
    const meant = String(other.words[n])
    const edits = Math.min(
      editsBetween(word, meant),
      editsBetween(String(one.singulars[n]), String(other.singulars[n])),
    )
    const isCutOff = one.words.length > 1 && word.length > 2 && meant.startsWith(word)
    sum += Math.min(edits, isCutOff ? maxEdits : Number.POSITIVE_INFINITY)
    // Mostly the first word tells.
    if (sum > maxEdits) break
  }
  return sum
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
