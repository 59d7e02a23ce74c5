/** Puts something else in the place of a platform function until the scope ends. */
export function replaced(target: object, name: string, value: unknown): Disposable {
  const descriptor = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
  return {
    [Symbol.dispose]() {
      if (descriptor) Object.defineProperty(target, name, descriptor);
      else Reflect.deleteProperty(target, name);
    },
  };
}
