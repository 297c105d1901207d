# shellcheck shell=bash
# What scripts/demo prints: headings, commands, tables.

set_colours() {
  bold='' cyan='' green='' red='' plain=''
  [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]] || return 0
  bold=$'\e[1m' cyan=$'\e[36m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
}

heading() {
  step=$((step + 1))
  printf '\n%s%d. %s%s\n' "$bold" "$step" "$1" "$plain"
}

show() { printf '%s$ %s%s\n' "$cyan" "$1" "$plain"; }

# Shows a command as a person would type it, then runs exactly that.
perform() {
  show "$1"
  eval "$1"
}

# Prints lines of fields between | as columns: numbers to the right, under titles as well.
columns() {
  awk -F'|' -v green="$green" -v red="$red" -v plain="$plain" '
    {
      for (i = 1; i <= NF; i++) {
        cell[NR, i] = $i
        if (length($i) > width[i]) width[i] = length($i)
        if ($i ~ /^[0-9]/) number[i] = 1
      }
    }
    END {
      for (row = 1; row <= NR; row++) {
        line = ""
        for (i = 1; i <= NF; i++)
          line = line sprintf((i > 1 ? "  " : "") (number[i] ? "%" : "%-") width[i] "s", cell[row, i])
        sub(/ +$/, "", line)
        sub(/equal$/, green "&" plain, line)
        sub(/DIFFERENT$/, red "&" plain, line)
        print line
      }
    }'
}

hide_password() {
  sed -E -e 's#(://[^/@]*:)[^/@]*@#\1***@#' -e "s#(password=)('[^']*'|[^& ]*)#\1***#g" <<<"$1"
}
