import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict'
import { Writable } from 'node:stream'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createLog, type LogOptions } from '../../src/log.ts'

const SECRET = 's3cr3t/with+signs=='

function logging(options: Partial<LogOptions> = {}) {
  const chunks: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk))
      done()
    },
  })
  const log = createLog({ level: 'debug', format: 'ecs', secrets: [SECRET], colour: false, stream, ...options })
  return { log, text: () => chunks.join(''), lines: () => chunks.join('').split('\n').slice(0, -1) }
}
const ecsLine = (write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown> => {
  const { log, lines } = logging()
  write(log)
  equal(lines().length, 1)
  return JSON.parse(lines()[0] ?? '') as Record<string, unknown>
}
const prettyOf = (message: string, fields = {}, options: Partial<LogOptions> = {}) => {
  const { log, lines } = logging({ format: 'pretty', ...options })
  log.info(message, fields)
  equal(lines().length, 1)
  return lines()[0] ?? ''
}

describe('the log for Elastic', () => {
  it('has the fields that ECS requires, and ours', () => {
    const line = ecsLine((log) => log.warn('beware', { 'event.action': 'test', labels: { edge: 'shop' } }))
    match(String(line['@timestamp']), /^\d{4}-\d\d-\d\dT/)
    deepEqual(
      [line['log.level'], line.message, line['ecs.version'], line['service.name'], line['event.action'], line.labels],
      ['warn', 'beware', '8.10.0', 'portcullis', 'test', { edge: 'shop' }],
    )
  })

  it('shows errors with type, message and stack', () => {
    const { error } = ecsLine((log) => log.error('failed', { err: new TypeError('no such thing') }))
    const { type, message, stack_trace } = error as Record<string, string>
    deepEqual([type, message], ['TypeError', 'no such thing'])
    match(stack_trace ?? '', /log\.test\.ts/)
  })

  it('leaves out what is below its level', () => {
    const { log, lines } = logging({ level: 'warn' })
    log.info('quiet')
    log.debug('quieter')
    equal(lines().length, 0)
  })

  it('writes one line whatever it is given', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.object(), (message, fields) => {
        const { level: _, message: __, ...rest } = fields as Record<string, unknown>
        const { log, lines } = logging()
        log.info(message, { 'event.action': 'x', labels: rest })
        equal(lines().length, 1)
        JSON.parse(lines()[0] ?? '')
      }),
      { numRuns: 200 },
    ))

  it('survives what cannot be written down', () => {
    const circle: Record<string, unknown> = {
      name: 'circle',
      big: 10n,
      when: new Date(0),
      set: new Set([1]),
      map: new Map([['a', 1]]),
    }
    circle.self = circle
    const line = ecsLine((log) => log.info('x', { labels: circle }))
    deepEqual(line.labels, {
      name: 'circle',
      big: '10',
      when: '1970-01-01T00:00:00.000Z',
      set: [1],
      map: { a: 1 },
      self: '[circular]',
    })
  })
})

describe('secrets', () => {
  const written = (message: string, fields = {}) => {
    const { log, text } = logging()
    log.error(message, fields)
    return text()
  }
  const hides = (text: string, needle = SECRET) => ok(!text.includes(needle), text)

  it('are replaced in the message and in fields at any depth, also as keys', () => {
    hides(written(`token ${SECRET} was refused`))
    hides(written('x', { labels: { a: [{ b: `is ${SECRET}` }], [SECRET]: 1 } }))
  })

  it('are replaced in errors, their stacks and their causes', () => {
    const error = Object.assign(new Error(`bad ${SECRET}`, { cause: new Error(`because ${SECRET}`) }), { hint: SECRET })
    hides(written('x', { err: error }))
    hides(written('x', { nested: { deeper: error } }))
  })

  it('are recognised in URLs and in base64', () => {
    hides(written(`GET /?t=${encodeURIComponent(SECRET)}`), encodeURIComponent(SECRET))
    hides(written('x', { h: Buffer.from(SECRET).toString('base64') }), Buffer.from(SECRET).toString('base64'))
  })

  it('are recognised by what stands before them, known or not', () => {
    for (const scheme of ['Bearer', 'bearer', 'ApiKey', 'Basic'])
      hides(written('x', { header: `authorization: ${scheme} abcdef0123456789==` }), 'abcdef0123456789')
    hides(written('at postgres://user:pa55word@db/x'), 'pa55word')
    hides(written('x', { headers: { authorization: 'anything', 'x-api-key': 'something' } }), 'anything')
  })

  it('are not seen in ordinary words', () =>
    match(written('Basic licences and Basic authentication'), /Basic licences and Basic authentication/))

  it('leave ordinary text alone', () =>
    equal(
      JSON.parse(written('basic rules bear fruit at https://kibana/x@y')).message,
      'basic rules bear fruit at https://kibana/x@y',
    ))

  it('that are empty or tiny do not blank the line', () => {
    const { log, text } = logging({ secrets: ['', 'a'] })
    log.info('a banana')
    equal(JSON.parse(text()).message, 'a banana')
  })
})

describe('the log for people', () => {
  it('is one line with time, level, message and details', () =>
    match(
      prettyOf('blocked', { 'rule.name': 'Web Scan', labels: { edge: 'shop' } }),
      /^\d\d:\d\d:\d\d info {2}blocked rule\.name="Web Scan" edge=shop$/,
    ))

  it('cannot be forged by line breaks, escape sequences or direction marks', () => {
    const line = prettyOf('from\n12:00:00 info  all is well\u001b[2K\u202e', { x: 'a\r\nb', 'k\ney': '\u009b31m' })
    for (const forger of ['\r', '\n', '\u001b', '\u009b', '\u202e']) ok(!line.includes(forger), JSON.stringify(forger))
    match(line, /from\\n12:00:00/)
  })

  it('is coloured only where that is wanted', () => {
    const sequence = '\u001b['
    ok(prettyOf('x', {}, { colour: true }).includes(sequence))
    ok(!prettyOf('x').includes(sequence))
  })

  it('keeps secrets too', () => doesNotMatch(prettyOf(`x ${SECRET}`, { a: SECRET }), /s3cr3t/))

  it('says what an error says', () =>
    match(prettyOf('failed', { err: new RangeError('too far') }), /RangeError: too far/))
})
