/** What a Redis holds and is sent, as anyone who reads it would see it; and its time, moved. */
import { Redis } from 'ioredis'
import type { Owner, RedisServer } from './redis-server.ts'

const readAll = `
redis.call('SELECT', ARGV[1])
local all = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  local value = redis.call('DUMP', key)
  if kind == 'string' then value = redis.call('GET', key) end
  if kind == 'list' then value = cjson.encode(redis.call('LRANGE', key, 0, -1)) end
  if kind == 'zset' then value = cjson.encode(redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')) end
  if kind == 'set' then value = cjson.encode(redis.call('SMEMBERS', key)) end
  all[#all + 1] = {key, kind, value, redis.call('PTTL', key)}
end
return all`

const shiftAll = `
for _, key in ipairs(redis.call('KEYS', '*')) do
  redis.call('PEXPIRE', key, redis.call('PTTL', key) - ARGV[1])
end`

const shiftScores = `
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  redis.call('ZINCRBY', KEYS[1], -ARGV[1], member)
end`

export interface RedisEntry {
  key: string
  kind: string
  /** Lists and sets, sorted ones with their scores, as JSON. */
  value: string
  ttlMs: number
}

export async function contentsOf(
  { command }: Pick<RedisServer, 'command'>,
  database = 0,
): Promise<RedisEntry[]> {
  const rows = (await command('EVAL', readAll, 0, database)) as [string, string, string, number][]
  return rows.map(([key, kind, value, ttlMs]) => ({ key, kind, value, ttlMs }))
}

/** Shortens every key's life by so much, which is what time does; Redis drops what is past its end by itself. */
export async function passTime({ command }: Pick<RedisServer, 'command'>, ms: number): Promise<void> {
  await command('EVAL', shiftAll, 0, ms)
}

/** Sets the times that a sorted set holds back by so much, which is what time does to them. */
export async function forwardScores(
  { command }: Pick<RedisServer, 'command'>,
  key: string,
  ms: number,
): Promise<void> {
  await command('EVAL', shiftScores, 1, key, ms)
}

/** Every command from now on, with its arguments, one line each. */
export async function watchRedis(owner: Owner, { port }: RedisServer, password?: string): Promise<string[]> {
  const lines: string[] = []
  const monitor = await new Redis({
    host: '127.0.0.1',
    port,
    lazyConnect: true,
    ...(password !== undefined && { password }),
  }).monitor()
  owner.teardown(() => monitor.disconnect())
  monitor.on('monitor', (_time: string, args: string[]) => void lines.push(args.join(' ')))
  return lines
}
