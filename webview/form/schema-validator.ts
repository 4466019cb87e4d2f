import { type Schema, Validator } from '@cfworker/json-schema';
import {
  type CustomValidator,
  createErrorHandler,
  type ErrorTransformer,
  type RJSFSchema,
  type RJSFValidationError,
  toErrorSchema,
  unwrapErrorHandler,
  type ValidationData,
  type ValidatorType,
  validationDataMerge,
} from '@rjsf/utils';
import * as l10n from '@vscode/l10n';
import { sentence } from './validation-texts.ts';

/** Keywords whose failure only says that something inside them failed, which is told by itself. */
const CONTAINERS = new Set(['properties', 'items', 'allOf', '$ref', 'prefixItems', 'additionalProperties', 'if']);

/**
 * Validation for the form library, by an interpreter: its own validator compiles schemas to code, which a page with a strict
 * content security policy may not run.
 */
class SchemaValidator implements ValidatorType {
  private readonly compiled = new WeakMap<object, Validator>();

  rawValidation<Result = RJSFValidationError>(schema: RJSFSchema, formData?: unknown): { errors?: Result[] } {
    const result = this.validator(schema).validate(plain(formData));
    if (result.valid) return {};
    const errors = result.errors
      .filter(({ keyword }) => !CONTAINERS.has(keyword))
      .map(({ keyword, instanceLocation, error }): RJSFValidationError => {
        const missing = /required property "([^"]*)"/.exec(error)?.[1];
        const path = [...pointer(instanceLocation), ...(missing === undefined ? [] : [missing])];
        const message = missing === undefined ? sentence(error) : l10n.t('is required');
        return {
          name: keyword,
          property: path.map((part) => `.${part}`).join(''),
          message,
          stack: `${path.join('.')} ${message}`,
        };
      });
    return { errors: errors as Result[] };
  }

  validateFormData<T, S extends RJSFSchema, F extends object>(
    formData: T | undefined,
    schema: S,
    customValidate?: CustomValidator<T, S, F>,
    transformErrors?: ErrorTransformer<T, S, F>,
  ): ValidationData<T> {
    const raw = this.rawValidation<RJSFValidationError>(schema, formData).errors ?? [];
    const errors = transformErrors ? transformErrors(raw) : raw;
    const found: ValidationData<T> = { errors, errorSchema: toErrorSchema<T>(errors) };
    if (!customValidate) return found;
    const custom = customValidate(formData, createErrorHandler<T>(formData as T));
    return validationDataMerge<T>(found, unwrapErrorHandler<T>(custom));
  }

  isValid(schema: RJSFSchema, formData: unknown, root: RJSFSchema): boolean {
    const own = schema.$ref === undefined && schema.definitions === undefined ? schema : { ...schema };
    return this.validator({ ...own, definitions: root.definitions ?? {} } as RJSFSchema).validate(plain(formData))
      .valid;
  }

  private validator(schema: RJSFSchema): Validator {
    const known = this.compiled.get(schema);
    if (known) return known;
    const made = new Validator(schema as Schema, '7', false);
    this.compiled.set(schema, made);
    return made;
  }
}

export const validator = new SchemaValidator() as ValidatorType;

/** What is wrong with an input, one line a place. */
export function problems(schema: RJSFSchema, input: unknown): string[] {
  const { errors = [] } = validator.rawValidation<RJSFValidationError>(schema, input);
  return [...new Set(errors.map(({ stack }) => stack.trim()))];
}

/** As JSON has it: what is undefined is not there. */
const plain = (value: unknown): unknown => (value === undefined ? {} : JSON.parse(JSON.stringify(value)));

const pointer = (location: string): string[] =>
  location
    .replace(/^#\/?/, '')
    .split('/')
    .filter((part) => part !== '')
    .map((part) => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~'));
