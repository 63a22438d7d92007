"""A new job in five steps: data, columns, form, settings, launch. It is a draft from step 1 on."""
