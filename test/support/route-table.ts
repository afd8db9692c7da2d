/** Every route that a listener really has, read from the router itself and not from its document. */
import type { App } from '../../src/http/app.ts'

/** @returns such as `GET /livez`, sorted; HEAD of a GET route is left out */
export function routesOf(app: App): string[] {
  const parents: string[] = []
  const routes: string[] = []
  for (const line of app.printRoutes({ commonPrefix: false }).split('\n')) {
    const [, indent = '', path = '', methods = ''] = /^(.*)── (\S+)(?: \((.*)\))?$/.exec(line) ?? []
    if (path === '') continue
    const depth = indent.length >> 2
    const whole = (parents[depth - 1] ?? '') + path
    parents[depth] = whole
    for (const method of methods.split(', '))
      if (method !== '' && method !== 'HEAD') routes.push(`${method} ${whole}`)
  }
  return routes.sort()
}
