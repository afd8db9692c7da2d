/** The file that a variable `NAME_FILE` names: its text, or why there is none, in a way that shows no secret. */
import { readFileSync } from 'node:fs'
import { getSystemErrorMessage } from 'node:util'

/** @throws an Error that names the path and the system's reason */
export function readSecretFile(path: string, variable: string): string {
  const text = contentOf(path, variable)
  if (text.trim() === '') throw new Error(`${variable} names ${shownPath(path)}, which is empty: fill it`)
  return text
}

/** Who mistakes the variable for the one without `_FILE` gives the secret itself: only what is clearly a path is shown. */
export function shownPath(path: string): string {
  const isPath = /^(?:~|\.{0,2})\/[\w.~/ -]+$|^[\w.~/ -]+\.[a-z]{2,4}$/.test(path)
  return isPath ? path : 'a file (its name is not shown, since it may be the secret itself)'
}

function contentOf(path: string, variable: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code, errno } = error as NodeJS.ErrnoException
    const reason = errno === undefined ? code : `${code}: ${getSystemErrorMessage(errno)}`
    throw new Error(
      `${variable} names ${shownPath(path)} that cannot be read (${reason}): give the path of a file that this process may read`,
    )
  }
}
