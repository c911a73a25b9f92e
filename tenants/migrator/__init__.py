"""Bringing every restaurant's schema up to date.

Django's `migrate` reads the graph of migrations, builds the states of all models and sends its signals anew for each
schema, even where there is nothing to do. Here the schemas are grouped by what they have applied, Django is asked once
per group what that lacks, and the SQL that it gives is sent to each schema as one message.

    standing   which schemas there are, and what each of them has applied
    rendering  what a group of schemas lacks, as steps: SQL to send, or a migration that only Django can run
    sending    one step into one schema, all of it or nothing; what cannot be undone goes on where it stopped
    waves      canaries first, then more and more; retries, failures, and the summary
    comparing  what a schema consists of, to compare it with a freshly migrated one
"""
