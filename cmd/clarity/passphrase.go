package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"clarityos/update/repo/keys"
)

// passphraseVariable has the passphrase of keys where no person is asked.
const passphraseVariable = "CLARITY_PASSPHRASE"

// passphrase is how a command gets the passphrase of keys: from a file, from the
// environment, or else from a person.
type passphrase struct{ file string }

func (p *passphrase) flag(c *cobra.Command) {
	c.Flags().StringVar(&p.file, "passphrase-file", "", "the passphrase of the keys is the first line of `FILE`; else it is $"+passphraseVariable+", or asked for")
}

// ask returns the passphrase. A new one is asked for twice.
func (p *passphrase) ask(anew bool) (string, error) {
	if p.file != "" {
		text, err := os.ReadFile(p.file)
		if err != nil {
			return "", fmt.Errorf("read the passphrase: %w", err)
		}
		line, _, _ := strings.Cut(string(text), "\n")
		return strings.TrimSuffix(line, "\r"), nil
	}
	if word, ok := os.LookupEnv(passphraseVariable); ok {
		return word, nil
	}
	word, err := prompt("Passphrase of the keys: ")
	if err != nil || !anew {
		return word, err
	}
	again, err := prompt("The same once more: ")
	if err == nil && again != word {
		err = errors.New("the two passphrases differ")
	}
	return word, err
}

// prompt asks on the terminal, which does not show what is typed.
func prompt(question string) (string, error) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", fmt.Errorf("there is no terminal to ask for the passphrase; set $%s or use --passphrase-file", passphraseVariable)
	}
	fmt.Fprint(os.Stderr, question)
	word, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	if err != nil {
		return "", fmt.Errorf("read the passphrase: %w", err)
	}
	return string(word), nil
}

// keyring is the flags of a command that signs.
type keyring struct {
	dirs       []string
	passphrase passphrase
}

func (k *keyring) flags(c *cobra.Command) {
	c.Flags().StringArrayVar(&k.dirs, "keys", nil, "a `FOLDER` of keys; may be given several times")
	cobra.CheckErr(c.MarkFlagRequired("keys"))
	k.passphrase.flag(c)
}

// open lists the keys. A person is asked once for a passphrase that opens all of them.
func (k *keyring) open() (*keys.Ring, error) {
	var known string
	return keys.Open(k.dirs, func() (string, error) {
		if known != "" {
			return known, nil
		}
		word, err := k.passphrase.ask(false)
		known = word
		return word, err
	})
}
