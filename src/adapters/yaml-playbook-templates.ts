import type { PlaybookData, PlaybookProblem, StepData } from '../core/playbook-read.ts'
import type { Templates, VariablePath } from './templates.ts'

const ROOTS = ['event', 'consts', 'steps']
// Roots that templates of Elastic Workflows have besides ours.
const ELASTIC_ROOTS = ['inputs', 'execution', 'workflow', 'foreach', 'while', 'variables', 'now', 'kibanaUrl', 'parent']

/** Templates and conditions that cannot be parsed, or that read what will never be there. */
export function checkTemplates(data: PlaybookData, templates: Templates): PlaybookProblem[] {
  return data.steps.flatMap((step, place) => {
    const path = ['steps', place]
    const known = {
      consts: Object.keys(data.consts ?? {}),
      steps: data.steps.slice(0, place).map((earlier) => earlier.name),
      later: data.steps.slice(place).map((later) => later.name),
    }
    return [
      ...checkCondition(step, path, known, templates),
      ...(step.type === 'http' ? checkTexts(step.with, [...path, 'with'], known, templates) : []),
    ]
  })
}

interface Known {
  readonly consts: readonly string[]
  readonly steps: readonly string[]
  readonly later: readonly string[]
}
type Path = PlaybookProblem['path']

function checkCondition(step: StepData, path: Path, known: Known, templates: Templates): PlaybookProblem[] {
  if (step.if === undefined) return []
  const where = [...path, 'if']
  if (looksLikeKql(step.if))
    return [
      {
        path: where,
        message:
          'this looks like KQL, which Elastic Workflows have in `if`; Portcullis has Liquid conditions: ' +
          'event.rule.name == "…", event.alerts[0].kibana.alert.severity == "high", a contains "b", joined by and, or',
      },
    ]
  return attempt(where, known, () => templates.checkCondition(step.if ?? ''))
}

function checkTexts(value: unknown, path: Path, known: Known, templates: Templates): PlaybookProblem[] {
  if (typeof value === 'string') return attempt(path, known, () => templates.check(value))
  if (value === null || typeof value !== 'object') return []
  return Object.entries(value).flatMap(([key, entry]) =>
    checkTexts(entry, [...path, Array.isArray(value) ? Number(key) : key], known, templates),
  )
}

function attempt(path: Path, known: Known, check: () => VariablePath[]): PlaybookProblem[] {
  try {
    return check().flatMap((variable) => {
      const message = unknownVariable(variable, known)
      return message === null ? [] : [{ path, message }]
    })
  } catch (error) {
    // Liquid counts lines within the template, which would be mistaken for lines of the file.
    const reason = (error as Error).message.replace(/, line:\d+, col:\d+$/, '')
    return [{ path, message: `not a Liquid ${path.at(-1) === 'if' ? 'condition' : 'template'}: ${reason}` }]
  }
}

/** What is wrong with reading this variable; null: nothing. */
function unknownVariable([root, name]: VariablePath, known: Known): string | null {
  if (typeof root !== 'string') return null
  if (!ROOTS.includes(root)) {
    const elastic = ELASTIC_ROOTS.includes(root) ? `Elastic Workflows have ${root}, Portcullis does not` : null
    return `${elastic ?? `templates do not know ${root}`}; they begin with event, consts or steps`
  }
  if (typeof name !== 'string') return null
  if (root === 'consts' && !known.consts.includes(name)) return `consts has no ${name}`
  if (root === 'steps' && !known.steps.includes(name))
    return known.later.includes(name)
      ? `steps.${name} has not run yet: only earlier steps can be read`
      : `there is no step ${name} before this one`
  return null
}

/** In Liquid a colon stands only in texts and after a filter's name. */
function looksLikeKql(condition: string): boolean {
  const bare = condition.replaceAll(/"[^"]*"|'[^']*'/g, '""')
  const beforeFilters = bare.split('|', 1)[0] ?? ''
  return beforeFilters.includes(':') || /(^|\s)(AND|OR|NOT)\s/.test(bare)
}
