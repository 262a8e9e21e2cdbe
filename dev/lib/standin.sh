# shellcheck shell=bash disable=SC2154
# What makes a plain Debian root file system look like a Lambda base image:
# the entry point, the bootstraps and the directories of the real images.

# write_file PATH MODE: standard input becomes the file.
write_file() {
  mkdir -p "$(dirname "$1")"
  cat >"$1"
  chmod "$2" "$1"
}

# The entry point of the python and nodejs images. The real one falls back to
# an emulator inside the image; a stand-in has none and must say so.
standin_entrypoint() { # ROOT
  mkdir -p "$1/var/task" "$1/var/runtime" "$1/opt"
  write_file "$1/lambda-entrypoint.sh" 755 <<'END'
#!/bin/sh
if [ $# -ne 1 ]; then
  echo "entrypoint requires the handler name to be the first argument" 1>&2
  exit 142
fi
export _HANDLER="$1"
if [ -z "${AWS_LAMBDA_RUNTIME_API}" ]; then
  echo "stand-in image: AWS_LAMBDA_RUNTIME_API is not set and no emulator is built in" 1>&2
  exit 1
fi
exec /var/runtime/bootstrap
END
}

# The end of a managed runtime's bootstrap: run the interpreter, through the
# wrapper if there is one. $args is set before it.
standin_wrapper() {
  cat <<'END'

if [ -z "$AWS_LAMBDA_EXEC_WRAPPER" ]; then
  exec "${args[@]}"
fi
if [ ! -f "$AWS_LAMBDA_EXEC_WRAPPER" ]; then
  echo "$AWS_LAMBDA_EXEC_WRAPPER: does not exist"
  exit 127
fi
if [ ! -x "$AWS_LAMBDA_EXEC_WRAPPER" ]; then
  echo "$AWS_LAMBDA_EXEC_WRAPPER: is not an executable"
  exit 126
fi
exec -- "$AWS_LAMBDA_EXEC_WRAPPER" "${args[@]}"
END
}

# bash, as in the real images: functions see the SHLVL and PWD it leaves.
standin_python() { # ROOT
  standin_entrypoint "$1"
  mkdir -p "$1/var/lang/bin"
  ln -sf /usr/bin/python3.11 "$1/var/lang/bin/python3.11"
  ln -sf python3.11 "$1/var/lang/bin/python3"
  ln -sf python3.11 "$1/var/lang/bin/python"
  {
    cat <<'END'
#!/bin/bash
export AWS_EXECUTION_ENV=AWS_Lambda_python3.11
export PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}/var/runtime"
args=(/var/lang/bin/python3.11 /var/runtime/bootstrap.py)
END
    standin_wrapper
  } | write_file "$1/var/runtime/bootstrap" 755
  write_file "$1/var/runtime/bootstrap.py" 644 <<'END'
"""Starts the runtime interface client with the handler of the function."""
import os
import sys


def main():
    handler = sys.argv[1] if len(sys.argv) > 1 else os.environ["_HANDLER"]
    sys.path[:0] = [
        os.environ.get("LAMBDA_TASK_ROOT", "/var/task"),
        "/opt/python/lib/python3.11/site-packages",
        "/opt/python",
    ]
    from awslambdaric.__main__ import main as run

    run([sys.argv[0], handler])


if __name__ == "__main__":
    main()
END
}

standin_node() { # ROOT
  standin_entrypoint "$1"
  {
    cat <<'END'
#!/bin/bash
export AWS_EXECUTION_ENV=AWS_Lambda_nodejs22.x
if [ -z "$NODE_PATH" ]; then
  export NODE_PATH=/opt/nodejs/node22/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task
fi
args=(/var/lang/bin/node --expose-gc --max-http-header-size 81920)
if [ -n "$AWS_LAMBDA_FUNCTION_MEMORY_SIZE" ]; then
  new_space=$((AWS_LAMBDA_FUNCTION_MEMORY_SIZE / 10))
  args+=("--max-semi-space-size=$((new_space / 2))")
  args+=("--max-old-space-size=$((AWS_LAMBDA_FUNCTION_MEMORY_SIZE - new_space))")
fi
args+=(/var/runtime/index.mjs "$_HANDLER")
END
    standin_wrapper
  } | write_file "$1/var/runtime/bootstrap" 755
}

# The function brings /var/runtime/bootstrap itself (or has it in /var/task,
# which this entry point does not look at, like the real one).
standin_provided() { # ROOT
  standin_entrypoint "$1"
}
