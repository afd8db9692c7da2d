/** The clock of the running service, for tests with a real Redis, whose own time nobody moves. */
import type { Clock } from '../../src/core/ports.ts'

export const systemClock: Clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() }
