// SPDX-License-Identifier: MIT
/*
 * completion.c - `vibevmm completion bash|zsh`: a script for the shell, from the tables of
 * commands, options and boards.
 *
 * An option's value is a file or a folder when its argument is called so, one of a few words when
 * it is listed here, and not completed otherwise. The words of a command are files, unless listed.
 */
#include "launcher.h"

/* columns: command or option, its words; NULL: the boards of this launcher */
struct choice {
    const char *name, *words;
};

static const struct choice option_words[] = {
    {"board",   NULL                     },
    {"console", "uart virtio stderr none"},
    {"engine",  "auto kvm hvf soft"      },
    {"hash",    "sha256 crc32 none"      },
    {"log",     "0 1 2 3 4"              },
    {"net",     "user passt= tap="       },
};

static const struct choice command_words[] = {
    {"boards",     NULL      },
    {"completion", "bash zsh"},
    {"doctor",     ""        },
    {"help",       "--man"   },
    {"version",    ""        },
};

static const struct choice *choice_find(const struct choice *c, unsigned n, const char *name)
{
    for (unsigned i = 0; i < n; i++)
        if (!strcmp(c[i].name, name))
            return &c[i];
    return NULL;
}

static void choice_add(struct text *t, const struct choice *c)
{
    if (c->words)
        text_add(t, "%s", c->words);
    else
        for (unsigned i = 0; boards[i]; i++)
            text_add(t, "%s%s", i ? " " : "", boards[i]->name);
}

static const struct choice *words_of_option(const struct opt *o)
{
    return choice_find(option_words, ARRAY_LEN(option_words), o->name);
}

static const struct choice *words_of_command(const struct command *c)
{
    return choice_find(command_words, ARRAY_LEN(command_words), c->name);
}

static bool is_called(const struct opt *o, const char *what)
{
    return !strncmp(o->arg, what, strlen(what));
}

static unsigned count_options(const struct command *c)
{
    return c->opts ? *c->n_opts : 0;
}

/* ---- bash ---- */

static const char bash_head[] =
    "# bash completion of vibevmm, made by `vibevmm completion bash`\n"
    "_vibevmm() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=run words= "
    "kind= i\n"
    "    COMPREPLY=()\n"
    "    # bash takes --name=value apart\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur=\n"
    "    elif [[ $prev == = ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD-2]}\n"
    "    fi\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        [[ ${COMP_WORDS[i]} == -- ]] && kind=guest\n"
    "    done\n";

static const char bash_tail[] =
    "    if [[ $kind == dir ]]; then\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n"
    "    elif [[ -n $kind ]]; then\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "    else\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
    "    fi\n"
    "}\n"
    "complete -F _vibevmm vibevmm\n";

static void bash_value(struct text *t, const struct command *c, const struct opt *o)
{
    const struct choice *words = words_of_option(o);
    text_add(t, "    %s,--%s", c->name, o->name);
    if (o->letter)
        text_add(t, " | %s,-%c", c->name, o->letter);
    text_add(t, ") ");
    if (words) {
        text_add(t, "words='");
        choice_add(t, words);
        text_add(t, "' ;;\n");
    } else {
        text_add(t, "%s ;;\n",
                 is_called(o, "FILE")  ? "kind=file"
                 : is_called(o, "DIR") ? "kind=dir"
                                       : "return");
    }
}

static void bash_options(struct text *t, const struct command *c)
{
    text_add(t, "    %s,-*) words='", c->name);
    for (unsigned i = 0; i < count_options(c); i++)
        text_add(t, "%s--%s", i ? " " : "", c->opts[i].name);
    text_add(t, "' ;;\n");
}

static void bash_words(struct text *t, const struct command *c)
{
    const struct choice *words = words_of_command(c);
    if (!words)
        return;
    text_add(t, "    %s,*) words='", c->name);
    choice_add(t, words);
    text_add(t, "' ;;\n");
}

static void completion_bash(struct text *t)
{
    text_add(t, "%s    case ${COMP_WORDS[1]} in\n    ", bash_head);
    for (unsigned i = 0; i < n_commands; i++)
        text_add(t, "%s%s", i ? " | " : "", commands[i].name);
    text_add(t, ") command=${COMP_WORDS[1]} ;;\n    esac\n"
                "    if ((COMP_CWORD == 1)) && [[ $cur != -* ]]; then\n        command= words='");
    for (unsigned i = 0; i < n_commands; i++)
        text_add(t, "%s%s", i ? " " : "", commands[i].name);
    text_add(t, "'\n    fi\n    [[ -n $kind ]] || case $command,$prev in\n    ,*) ;;\n");
    for (unsigned i = 0; i < n_commands; i++)
        for (unsigned k = 0; k < count_options(&commands[i]); k++)
            if (commands[i].opts[k].arg)
                bash_value(t, &commands[i], &commands[i].opts[k]);
    text_add(t, "    *) case $command,$cur in\n");
    for (unsigned i = 0; i < n_commands; i++) {
        if (commands[i].opts)
            bash_options(t, &commands[i]);
        bash_words(t, &commands[i]);
    }
    text_add(t, "    *) kind=file ;;\n    esac ;;\n    esac\n%s", bash_tail);
}

/* ---- zsh ---- */

/* Inside single quotes, with `stop` not ending the part it stands in. */
static void zsh_quote(struct text *t, const char *s, char stop)
{
    for (; *s; s++) {
        if (*s == stop || *s == '\\')
            text_add(t, "\\");
        if (*s == '\'')
            text_add(t, "'\\''");
        else
            text_bytes(t, s, 1);
    }
}

static void zsh_option(struct text *t, const struct opt *o)
{
    text_add(t, "            ");
    if (o->letter)
        text_add(t, "'(-%c --%s)'{-%c,--%s%s}'[", o->letter, o->name, o->letter, o->name,
                 o->arg ? "=" : "");
    else
        text_add(t, "'%s--%s%s[", o->kind == OPT_ATTACH ? "*" : "", o->name, o->arg ? "=" : "");
    zsh_quote(t, o->help, ']');
    text_add(t, "]");
    if (o->arg) {
        const struct choice *words = words_of_option(o);
        text_add(t, ":");
        zsh_quote(t, o->arg, ':');
        text_add(t, ":");
        if (words) {
            text_add(t, "(");
            choice_add(t, words);
            text_add(t, ")");
        } else {
            text_add(t, "%s",
                     is_called(o, "FILE")  ? "_files"
                     : is_called(o, "DIR") ? "_files -/"
                                           : " ");
        }
    }
    text_add(t, "' \\\n");
}

static void zsh_command(struct text *t, const struct command *c)
{
    const struct choice *words = words_of_command(c);
    text_add(t, "    %s)\n        _arguments -S \\\n", c->name);
    for (unsigned i = 0; i < count_options(c); i++)
        zsh_option(t, &c->opts[i]);
    text_add(t, "            '*:%s:", words ? "word" : "file");
    if (words) {
        text_add(t, "(");
        choice_add(t, words);
        text_add(t, ")");
    } else {
        text_add(t, "_files");
    }
    text_add(t, "'\n        ;;\n");
}

static void completion_zsh(struct text *t)
{
    text_add(t, "#compdef vibevmm\n"
                "# zsh completion of vibevmm, made by `vibevmm completion zsh`\n"
                "_vibevmm() {\n"
                "    local command=run\n"
                "    local -a commands=(\n");
    for (unsigned i = 0; i < n_commands; i++) {
        text_add(t, "        '%s:", commands[i].name);
        zsh_quote(t, commands[i].help, ':');
        text_add(t, "'\n");
    }
    text_add(t, "    )\n"
                "    if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
                "        _describe command commands\n"
                "        return\n"
                "    fi\n"
                "    if (( ${commands[(I)$words[2]:*]} )); then\n"
                "        command=$words[2]\n"
                "        shift words\n"
                "        (( CURRENT-- ))\n"
                "    fi\n"
                "    case $command in\n");
    for (unsigned i = 0; i < n_commands; i++)
        zsh_command(t, &commands[i]);
    text_add(t, "    esac\n"
                "}\n"
                "if [[ $funcstack[1] == _vibevmm ]]; then\n"
                "    _vibevmm \"$@\"\n"
                "else\n"
                "    compdef _vibevmm vibevmm\n"
                "fi\n");
}

int cmd_completion(int argc, char **argv)
{
    static const struct {
        const char *shell;
        void (*write)(struct text *t);
    } shells[] = {
        {"bash", completion_bash},
        {"zsh",  completion_zsh },
    };
    struct text t = {0};
    for (unsigned i = 0; argc == 1 && i < ARRAY_LEN(shells); i++)
        if (!strcmp(argv[0], shells[i].shell)) {
            shells[i].write(&t);
            return text_print(&t);
        }
    say("completion takes the name of a shell: bash or zsh");
    return STATUS_HOST;
}
