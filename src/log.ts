import { ecsFields, ecsStringify } from '@elastic/ecs-winston-format'
import winston from 'winston'
import { escaped } from './core/printable.ts'
import { prettyLine } from './log-pretty.ts'
import { createRedactor } from './log-redact.ts'

export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

/** One call, one line. Field names are ECS's, dotted (`event.action`); an error goes under `err`. */
export interface Log {
  error(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  debug(message: string, fields?: LogFields): void
}
export type LogFields = Readonly<Record<string, unknown>>

export interface LogOptions {
  readonly level: string
  readonly format: 'ecs' | 'pretty'
  /** Values that must never be written, wherever they turn up. */
  readonly secrets: readonly string[]
  /** Colours for `pretty`: true only on a terminal whose owner did not set NO_COLOR. */
  readonly colour: boolean
  readonly stream: NodeJS.WritableStream
  readonly version?: string
}

/** Writes lines to the stream. Redaction sits between the fields and their text, so that no caller can forget it. */
export function createLog(options: LogOptions): Log {
  const redact = createRedactor(options.secrets)
  const service = { serviceName: 'portcullis', ...(options.version ? { serviceVersion: options.version } : {}) }
  const logger = winston.createLogger({
    level: options.level,
    format: winston.format.combine(
      ecsFields({ convertErr: true, apmIntegration: false, ...service }),
      winston.format((info) => Object.assign(info, redact(info) as object))(),
      options.format === 'ecs' ? printableEcs() : winston.format.printf((info) => prettyLine(info, options.colour)),
    ),
    transports: [new winston.transports.Stream({ stream: options.stream, eol: '\n' })],
  })
  // A closed pipe must not take the service down with it.
  logger.on('error', () => {})
  const write = (level: LogLevel) => (message: string, fields?: LogFields) => {
    logger.log({ ...fields, level, message })
  }
  return { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') }
}

/** JSON alone lets through what moves the cursor of who looks at it on a terminal. */
function printableEcs(): winston.Logform.Format {
  const stringify = ecsStringify()
  return {
    transform(info) {
      const line = stringify.transform(info)
      if (typeof line === 'object') line[MESSAGE] = escaped(String(line[MESSAGE]))
      return line
    },
  }
}

// Where winston keeps the text of a line.
const MESSAGE: unique symbol = Symbol.for('message')

/** A log that keeps nothing. */
export const silentLog: Log = { error() {}, warn() {}, info() {}, debug() {} }
