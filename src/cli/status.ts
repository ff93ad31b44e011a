import { isListEdge } from '../core/list-edge.ts'
import type { EdgeStatus, Status } from '../ops/status.ts'
import { createClient } from './client.ts'
import { type Command, OUTPUT } from './command.ts'
import { underPause } from './paused.ts'
import { bar, relative, spanOf } from './table.ts'
import { EXIT, plain, type Terminal } from './terminal.ts'

export const status: Command = {
  name: 'status',
  usage: '',
  summary: 'edges, room, queue, and what is degraded',
  help: `
What the running service does: its mode, each edge with what it holds, what
waits there and why, the room left in the rule, the queue, and the parts that
do not work with us. Every word for a state is explained in
docs/operations.md.`,
  options: OUTPUT,
  words: 0,
  async run(given, terminal) {
    const answer = await createClient(terminal.environment()).get('/api/status')
    terminal.say(
      given.json
        ? JSON.stringify(answer, null, 2)
        : underPause(answer, page(answer as unknown as Status, terminal), terminal),
    )
    return EXIT.ok
  },
}

function page(state: Status, terminal: Terminal): string {
  const { paint } = terminal
  const mode =
    state.mode === 'observe' ? paint('yellow', 'observe (nothing new is blocked)') : paint('green', plain(state.mode))
  const head = `${paint('bold', 'Portcullis')} ${plain(state.version)}   mode ${mode}   store ${plain(state.store)}   up ${spanOf(state.uptimeSeconds * 1000)}`
  const width = Math.max(...state.edges.map(({ name }) => name.length), 0)
  return [
    head,
    '',
    paint('bold', 'Degraded'),
    ...(state.degraded.length === 0
      ? ['  nothing']
      : state.degraded.map(({ part, reason }) => `  ${paint('red', plain(part))}  ${plain(reason)}`)),
    '',
    paint('bold', 'Edges'),
    ...state.edges.flatMap((edge) => edgeLines(edge, width, terminal)),
    '',
    paint('bold', 'Queue'),
    `  ${Object.entries(state.queue)
      .map(([name, count]) => `${name} ${name === 'failed' && count > 0 ? paint('red', String(count)) : count}`)
      .join('   ')}`,
    '',
    paint('bold', 'Playbooks'),
    ...state.playbooks.map(
      ({ file, name, mode, enabled }) => `  ${plain(file)}  ${enabled ? plain(mode) : 'switched off'}  ${plain(name)}`,
    ),
  ].join('\n')
}

function edgeLines(edge: EdgeStatus, width: number, { paint, now }: Terminal): string[] {
  const indent = ' '.repeat(width + 4)
  const good = edge.state === 'ok'
  const waiting = Object.entries(edge.waiting)
  const waits = waiting.map(([why, count]) => `${count} ${plain(why)}`).join(', ')
  const total = waiting.reduce((sum, [, count]) => sum + count, 0)
  const adopt = edge.wouldAdopt ?? []
  return [
    `  ${plain(edge.name).padEnd(width)}  ${paint(good ? 'green' : 'red', plain(edge.state))}   ${edge.held} held, ${total} waiting${waits === '' ? '' : ` (${waits})`}`,
    ...(edge.detail === '' ? [] : [`${indent}${plain(edge.detail)}`]),
    ...(edge.room === null ? [] : [`${indent}${roomLine(edge.room, unitOf(edge), paint)}`]),
    `${indent}${isListEdge(edge.name) ? 'a list of the account' : edge.version === null ? 'nothing written yet' : `ruleset version ${edge.version}`}, last pass ${relative(edge.lastPass, now())}`,
    ...(adopt.length === 0
      ? []
      : [
          `${indent}would adopt ${adopt.length} with MODE=enforce: ${plain(adopt.slice(0, 5).join(', '))}${adopt.length > 5 ? ', …' : ''}`,
        ]),
  ]
}

function unitOf({ name }: EdgeStatus): string {
  return isListEdge(name) ? 'items' : 'characters'
}

function roomLine({ used, limit }: { used: number; limit: number }, unit: string, paint: Terminal['paint']): string {
  const share = limit > 0 ? used / limit : 0
  const colour = share >= 0.95 ? 'red' : share >= 0.8 ? 'yellow' : 'green'
  const percent = `${Math.round(share * 100)} %`
  return `${paint(colour, bar(share))} ${used} of ${limit} ${unit} (${percent})`
}
