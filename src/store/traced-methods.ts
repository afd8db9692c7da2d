/** Spans around what is asked of Redis. */
import type { InSpan } from '../core/spans.ts'

/** The same object, each of whose methods is a span `redis <name>.<method>` while its promise is pending. */
export function traceMethods<T extends object>(name: string, target: T, inSpan: InSpan): T {
  const traced = Object.entries(target).map(([method, run]) => {
    const span = {
      name: `redis ${name}.${method}`,
      attributes: { 'db.system.name': 'redis', 'db.operation.name': `${name}.${method}` },
    }
    return [
      method,
      (...args: unknown[]) =>
        inSpan(
          span,
          async () => run(...args),
          () => ({}),
        ),
    ]
  })
  return Object.fromEntries(traced)
}
