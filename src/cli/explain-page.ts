import type { ExplainedAlert, ExplainedEdge, ExplainedSuspect, Explanation } from '../core/explanation.ts'
import { plain, type Terminal } from './terminal.ts'

/** An explanation for people: each alert, step and suspect, then what each edge would get. */
export function explanationPage(explanation: Explanation, { paint }: Pick<Terminal, 'paint'>): string {
  const { against, notes, alerts, invalid, skipped, edges } = explanation
  const parts = [
    [plain(`Asked: ${against}. Nothing was changed.`), ...notes.map((note) => plain(`Note: ${note}`))].join('\n'),
    ...alerts.map((alert) => alertLines(alert, paint).join('\n')),
    ...invalid.map(({ index, errors }) =>
      plain(`Entry ${index + 1} of the body is no valid alert: ${errors.join('; ')}`),
    ),
    ...skipped.map(({ index, reason }) => plain(`Entry ${index + 1} of the body is left out: ${reason}`)),
    ...(alerts.length === 0 ? [] : edges.map((edge) => edgeLines(edge, paint).join('\n'))),
  ]
  return parts.join('\n\n')
}

function alertLines(
  { id, rule, playbook, stopped, steps, outcome }: ExplainedAlert,
  paint: Terminal['paint'],
): string[] {
  const answered =
    playbook === null
      ? ''
      : `  answered by ${playbook.file} (${playbook.name}${playbook.mode === 'observe' ? ', observes' : ''})`
  return [
    `${paint('bold', plain(`Alert ${id}`))}  ${plain(rule)}`,
    ...(answered === '' ? [] : [plain(answered)]),
    ...(stopped === null ? [] : [`  ${paint('yellow', plain(`Nothing would happen: ${stopped}`))}`]),
    ...steps.flatMap((step) => [
      plain(`  ${step.name}: ${step.what}`),
      ...step.suspects.flatMap((s) => suspectLines(s, paint)),
    ]),
    ...(outcome === null ? [] : [plain(`  outcome: ${outcome}${outcome === 'blocked' ? ', once held' : ''}`)]),
  ]
}

function suspectLines(
  { suspect, address, guards, refusal, ban }: ExplainedSuspect,
  paint: Terminal['paint'],
): string[] {
  const covers = address === null || address === suspect ? '' : ` (${address})`
  const verdict = refusal === null ? paint('green', plain(`banned ${ban}`)) : paint('red', plain(`refused: ${refusal}`))
  const passed = guards.filter(({ refuses }) => !refuses).map(({ guard }) => `${guard} ✓`)
  const no = guards.find(({ refuses }) => refuses)
  return [
    `    ${plain(suspect === '' ? '(no address)' : suspect)}${plain(covers)}  ${verdict}`,
    ...(passed.length === 0 ? [] : [plain(`      ${passed.join('  ')}`)]),
    ...(no === undefined ? [] : [plain(`      ${no.guard} ✗ ${no.detail}`)]),
  ]
}

function edgeLines(
  { edge, before, after, used, limit, waiting, problem }: ExplainedEdge,
  paint: Terminal['paint'],
): string[] {
  return [
    `${paint('bold', plain(`Edge ${edge}`))}${after === null ? '' : `  ${used} of ${limit} characters`}`,
    ...(problem === '' ? [] : [`  ${paint('red', plain(problem))}`]),
    plain(`  now      ${before ?? '(no rule of ours)'}`),
    plain(`  written  ${after ?? '(nothing: it stays as it is)'}`),
    ...(waiting.length === 0 ? [] : [plain(`  no room for ${waiting.join(', ')}`)]),
  ]
}
