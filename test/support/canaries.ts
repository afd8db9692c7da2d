/** Secrets that can be recognised, and the places in which none of them may be. */
import { must } from './must.ts'

export interface Canaries {
  /** A secret that has been used, and what it is. Empty ones never came to be. */
  add(what: string, secret: string): void
  /** Something that somebody else can read. */
  show(place: string, text: string): void
  /** Looks for every secret in every place. @returns how many of each */
  search(): { places: number; secrets: number; hits: string[]; searchedBytes: number }
}

export function createCanaries(): Canaries {
  const secrets = new Map<string, string>()
  const places = new Map<string, string>()
  return {
    add(what, secret) {
      if (secret === '') return
      must(secret.length >= 8, `${what} is too short to be found`)
      secrets.set(secret, what)
    },
    show: (place, text) => void places.set(place, `${places.get(place) ?? ''}${text}\n`),
    search() {
      const hits = [...places].flatMap(([place, text]) =>
        [...secrets].flatMap(([secret, what]) => (text.includes(secret) ? `${what} in ${place}` : [])),
      )
      const searchedBytes = [...places.values()].reduce((sum, { length }) => sum + length, 0)
      return { places: places.size, secrets: secrets.size, hits, searchedBytes }
    },
  }
}

/** Only the signature is secret in a JWT, and it alone is long and unique. */
export function signatureOf(jwt: string): string {
  return jwt.split('.')[2] ?? ''
}
