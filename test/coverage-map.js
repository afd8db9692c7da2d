/** What every test file's coverage is about: the service, not what tests it. For `.taprc`. */
import { globSync } from 'node:fs'

const sources = globSync('src/**/*.ts', { exclude: ['**/*.d.ts'] })

export default () => sources
